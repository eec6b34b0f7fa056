// SPDX-License-Identifier: Apache-2.0
// Both rungs of the identity ladder on a real kernel, as an unprivileged user.
#include "launcher/facts/id_map.h"

#include <sched.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "base/fs.h"
#include "base/process.h"
#include "base/strings.h"
#include "launcher/facts/host.h"
#include "launcher/facts/subids.h"
#include "tests/support/unprivileged.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {

Facts real_facts() {
  Facts facts;
  Account account = find_account(environment);
  facts.uid = account.uid;
  facts.gid = account.gid;
  facts.user = account.user;
  Subids subids = read_subids(account.user);
  facts.subuids = subids.uids;
  facts.subgids = subids.gids;
  facts.newuidmap = find_program("newuidmap");
  facts.newgidmap = find_program("newgidmap");
  facts.user_namespace.ok = facts.id_maps.ok = true;
  return facts;
}

// What a shell with these maps prints.
Result<Output> shell(const IdentityPlan& plan, const std::string& script) {
  Command command{.argv = {"/bin/sh", "-euc", script}};
  command.namespaces = CLONE_NEWUSER;
  command.when_created = [&plan](pid_t pid) { return write_id_maps(pid, plan); };
  command.become_root = true;
  return run(std::move(command), 20'000);
}

std::string map_text(const std::vector<IdMapEntry>& map) {
  std::string text;
  for (const IdMapEntry& e : map)
    text += std::to_string(e.inside) + " " + std::to_string(e.outside) + " " + std::to_string(e.count) + "\n";
  return text;
}

const std::string kShowMaps =
    "while read a b c; do echo $a $b $c; done < /proc/self/uid_map; echo; "
    "while read a b c; do echo $a $b $c; done < /proc/self/gid_map; echo; cat /proc/self/setgroups; id -u; id -g";

// A test that needs a range prints why it can't run.
bool has_subids(const Facts& facts) {
  auto plan = plan_subuid(facts);
  if (plan) return true;
  std::printf("skipped: %s\n", plan.error().what.c_str());
  return false;
}

bool unprivileged() {
  if (test::become_unprivileged()) return true;
  std::printf("skipped: root, and no user to become\n");
  return false;
}

}  // namespace

TEST_CASE("id maps: single, by the kernel's file alone", "[facts]") {
  if (!unprivileged()) return;
  Facts facts = real_facts();
  auto output = shell(plan_single(facts), kShowMaps);
  REQUIRE(output);
  INFO(output->err);
  CHECK(output->out ==
        "0 " + std::to_string(::getuid()) + " 1\n\n0 " + std::to_string(::getgid()) + " 1\n\ndeny\n0\n0\n");
}

TEST_CASE("id maps: subordinate ranges, by newuidmap", "[facts]") {
  if (!unprivileged()) return;
  Facts facts = real_facts();
  if (!has_subids(facts)) return;
  auto plan = plan_identity(IdentityMode::kAuto, facts);
  REQUIRE(plan);
  CHECK(plan->rung != IdentityRung::kSingle);
  auto output = shell(*plan, kShowMaps);
  REQUIRE(output);
  INFO(output->err);
  CHECK(output->out == map_text(plan->uids) + "\n" + map_text(plan->gids) + "\nallow\n0\n0\n");
}

TEST_CASE("id maps: a part of the range", "[facts]") {
  if (!unprivileged()) return;
  Facts facts = real_facts();
  if (!has_subids(facts)) return;
  // As if the administrator had given 2,000 in two pieces.
  std::uint32_t start = facts.subuids[0].start;
  facts.subuids = {{start, 1500}, {start + 3000, 500}};
  facts.subgids[0].count = 2000;
  auto plan = plan_identity(IdentityMode::kAuto, facts);
  REQUIRE(plan);
  CHECK(plan->rung == IdentityRung::kSubuidPartial);
  CHECK(plan->id_limit == 2001);
  auto directory = fs::ScopedTempDir::create();
  REQUIRE(directory);
  std::string file = directory->path() + "/f";
  auto output =
      shell(*plan, "touch " + file + "; chown 2000:2000 " + file + "; stat -c %u:%g " + file + "; rm " + file);
  REQUIRE(output);
  INFO(output->err);
  CHECK(output->out == "2000:2000\n");
  auto beyond = shell(*plan, "touch " + file + "; chown 2001:0 " + file);
  REQUIRE(beyond);
  CHECK_FALSE(beyond->status.success());
}

TEST_CASE("id maps: newuidmap's own words where it refuses", "[facts]") {
  if (!unprivileged()) return;
  Facts facts = real_facts();
  if (!has_subids(facts)) return;
  // The ids of somebody else.
  facts.subuids = {{facts.subuids[0].start + facts.subuids[0].count, 10}};
  auto plan = plan_subuid(facts);
  REQUIRE(plan);
  auto output = shell(*plan, "true");
  REQUIRE_FALSE(output);
  INFO(output.error().what);
  CHECK(output.error().what.starts_with("newuidmap: "));
  CHECK(output.error().what.find("not allowed") != std::string::npos);
}

TEST_CASE("id maps: newuidmap missing", "[facts]") {
  if (!unprivileged()) return;
  Facts facts = real_facts();
  facts.newuidmap.reset();
  auto plan = plan_identity(IdentityMode::kAuto, facts);
  REQUIRE(plan);
  CHECK(plan->rung == IdentityRung::kSingle);
  REQUIRE_FALSE(plan->lost.empty());
  CHECK(plan->lost[0].reason == "newuidmap is not installed");
  CHECK(shell(*plan, "true"));
  // Gone between the look and the use.
  IdentityPlan late = *plan;
  late.rung = IdentityRung::kSubuidFull;
  late.newuidmap = "/nonexistent/newuidmap";
  auto output = shell(late, "true");
  REQUIRE_FALSE(output);
  CHECK(output.error().what == "/nonexistent/newuidmap: exec: No such file or directory");
}
