// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/id_map.h"

#include <catch2/catch.hpp>

namespace sublet::launcher {
namespace {

Facts facts_with(std::vector<IdRange> subuids, std::vector<IdRange> subgids) {
  Facts facts;
  facts.uid = 1001;
  facts.gid = 1002;
  facts.user = "ann";
  facts.user_namespace.ok = true;
  facts.subuids = std::move(subuids);
  facts.subgids = std::move(subgids);
  facts.newuidmap = "/usr/bin/newuidmap";
  facts.newgidmap = "/usr/bin/newgidmap";
  facts.id_maps.ok = true;
  return facts;
}

}  // namespace

TEST_CASE("join_ranges: what fits, what is cut, what is dropped", "[facts]") {
  struct Row {
    const char* what;
    std::vector<IdRange> ranges;
    std::vector<IdMapEntry> map;  // after the own id's
    std::uint32_t ids;
    const char* warning;  // "" for none
  };
  const std::vector<Row> rows = {
      {"none", {}, {}, 1, ""},
      {"the usual", {{100000, 65536}}, {{1, 100000, 65536}}, 65537, ""},
      {"two are joined", {{100000, 1000}, {300000, 500}}, {{1, 100000, 1000}, {1001, 300000, 500}}, 1501, ""},
      {"of 2,000", {{100000, 2000}}, {{1, 100000, 2000}}, 2001, ""},
      {"numerically huge", {{4294000000u, 65536}}, {{1, 4294000000u, 65536}}, 65537, ""},
      {"up to the very last id", {{4294901759u, 65536}}, {{1, 4294901759u, 65536}}, 65537, ""},
      {"one too many",
       {{4294901760u, 65536}},
       {{1, 4294901760u, 65535}},
       65536,
       "range 4294901760:65536: goes beyond the last id, 4294967294; cut"},
      {"starts at no id", {{4294967295u, 1}}, {}, 1, "goes beyond the last id"},
      {"wraps", {{4000000000u, 4000000000u}}, {{1, 4000000000u, 294967295}}, 294967296, "goes beyond"},
      {"more inside than ids exist",
       {{2000, 4294960000u}, {1, 900}},
       {{1, 2000, 4294960000u}, {4294960001u, 1, 900}},
       4294960901u,
       ""},
      {"empty", {{100000, 0}}, {}, 1, ""},
      {"own id first", {{1001, 10}}, {}, 1, "has the user's own id in it"},
      {"own id last", {{992, 10}}, {}, 1, "has the user's own id in it"},
      {"next to the own id", {{1002, 10}}, {{1, 1002, 10}}, 11, ""},
      {"before the own id", {{991, 10}}, {{1, 991, 10}}, 11, ""},
      {"overlap: the first stays", {{5000, 100}, {5099, 10}}, {{1, 5000, 100}}, 101, "overlaps another range"},
      {"one inside another", {{5000, 100}, {5010, 1}, {6000, 5}}, {{1, 5000, 100}, {101, 6000, 5}}, 106, "overlaps"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    JoinedRanges joined = join_ranges(1001, row.ranges, "subuid");
    std::vector<IdMapEntry> expected = {{0, 1001, 1}};
    expected.insert(expected.end(), row.map.begin(), row.map.end());
    CHECK(joined.map == expected);
    CHECK(joined.ids == row.ids);
    CHECK(joined.warnings.size() == (*row.warning != '\0' ? 1 : 0));
    for (const std::string& warning : joined.warnings) CHECK(warning.find(row.warning) != std::string::npos);
  }
}

TEST_CASE("join_ranges: no more than the kernel takes in one write", "[facts]") {
  auto many = [](std::uint32_t first, std::uint32_t step) {
    std::vector<IdRange> ranges;
    for (std::uint32_t i = 0; i < 400; ++i) ranges.push_back({first + i * step, 1});
    return join_ranges(5, ranges, "subuid");
  };
  SECTION("340 extents") {
    JoinedRanges joined = many(10, 2);
    CHECK(joined.map.size() == 340);
    CHECK(joined.ids == 340);
    REQUIRE(joined.warnings.size() == 1);
    CHECK(joined.warnings[0].find("takes no more ranges") != std::string::npos);
  }
  SECTION("a page, which long numbers fill earlier") {
    JoinedRanges joined = many(4000000000u, 2);
    std::size_t bytes = 0;
    for (const IdMapEntry& e : joined.map)
      bytes +=
          (std::to_string(e.inside) + " " + std::to_string(e.outside) + " " + std::to_string(e.count) + "\n").size();
    CHECK(bytes < 4096);
    CHECK(bytes > 4096 - 40);
    CHECK(joined.map.size() < 340);
  }
}

TEST_CASE("identity: the rung, and why a better one is lost", "[facts]") {
  struct Row {
    const char* what;
    IdentityMode mode;
    Facts facts;
    IdentityRung rung;
    std::uint32_t limit;
    const char* reason;  // of the best lost rung
  };
  using enum IdentityRung;
  const IdentityMode kAuto = IdentityMode::kAuto;
  auto usual = facts_with({{100000, 65536}}, {{100000, 65536}});
  auto no_program = usual;
  no_program.newgidmap.reset();
  auto untried = usual;
  untried.id_maps = {false, "newuidmap: write to uid_map failed: Operation not permitted"};
  auto directory_down = facts_with({}, {});
  directory_down.subids_reason = "libsubid could not look them up";
  const std::vector<Row> rows = {
      {"full", kAuto, usual, kSubuidFull, 65537, ""},
      {"65,535 and the own one are 65,536", kAuto, facts_with({{100000, 65535}}, {{100000, 65535}}), kSubuidFull, 65536,
       ""},
      {"2,000", kAuto, facts_with({{100000, 2000}}, {{100000, 65536}}), kSubuidPartial, 2001,
       "ann has 2000 subordinate ids, fewer than 65536"},
      {"no range", kAuto, facts_with({}, {}), kSingle, 1, "ann has no subordinate user ids"},
      {"no group range", kAuto, facts_with({{100000, 65536}}, {}), kSingle, 1, "ann has no subordinate group ids"},
      {"not to be looked up", kAuto, directory_down, kSingle, 1,
       "ann has no subordinate user ids (libsubid could not look them up)"},
      {"useless range", kAuto, facts_with({{1001, 65536}}, {{100000, 65536}}), kSingle, 1,
       "no subordinate range of ann can be used: subuid range 1001:65536: has the user's own id in it; not used"},
      {"no newgidmap", kAuto, no_program, kSingle, 1, "newgidmap is not installed"},
      {"newuidmap failed", kAuto, untried, kSingle, 1, "newuidmap: write to uid_map failed: Operation not permitted"},
      {"asked for", IdentityMode::kSingle, usual, kSingle, 1, "identity.mode is \"single\""},
      {"insisted on, and there", IdentityMode::kSubuid, usual, kSubuidFull, 65537, ""},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    auto plan = plan_identity(row.mode, row.facts);
    REQUIRE(plan);
    CHECK(plan->rung == row.rung);
    CHECK(plan->id_limit == row.limit);
    CHECK((plan->lost.empty() ? "" : plan->lost[0].reason) == row.reason);
    CHECK(plan->uids[0] == IdMapEntry{0, 1001, 1});
    CHECK(plan->gids[0] == IdMapEntry{0, 1002, 1});
    CHECK(plan->uids.size() == (row.rung == kSingle ? 1 : 2));
    CHECK(plan->newuidmap.empty() == (row.rung == kSingle));
  }
}

TEST_CASE("identity: subordinate ids insisted on, but not there", "[facts]") {
  auto plan = plan_identity(IdentityMode::kSubuid, facts_with({}, {}));
  REQUIRE_FALSE(plan);
  CHECK(plan.error().exit == ExitCode::kPrerequisite);
  CHECK(plan.error().what == "identity.mode is \"subuid\", but ann has no subordinate user ids");
  CHECK_FALSE(plan.error().hint.empty());
}

}  // namespace sublet::launcher
