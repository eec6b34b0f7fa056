// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/id_map.h"

#include <fmt/format.h>

#include "base/fs.h"
#include "base/process.h"
#include "base/strings.h"

namespace sublet::launcher {
namespace {

// (uid_t)-1 is no id: a range may not reach it. So this many ids exist, 0 … 4294967294.
constexpr std::uint64_t kIds = 0xFFFFFFFFull;
// newuidmap asks nsswitch, which may ask a directory server.
constexpr int kNewuidmapMs = 10'000;

bool overlap(std::uint32_t a, std::uint64_t a_count, std::uint32_t b, std::uint64_t b_count) {
  return a < b + b_count && b < a + a_count;
}

std::string text_of(const IdMapEntry& entry) {
  return fmt::format("{} {} {}\n", entry.inside, entry.outside, entry.count);
}

std::string range_text(const IdRange& range) { return fmt::format("{}:{}", range.start, range.count); }

Result<void> run_newidmap(const std::string& program, pid_t pid, const std::vector<IdMapEntry>& map) {
  Command command{.argv = {program, std::to_string(pid)}};
  for (const IdMapEntry& entry : map) {
    command.argv.push_back(std::to_string(entry.inside));
    command.argv.push_back(std::to_string(entry.outside));
    command.argv.push_back(std::to_string(entry.count));
  }
  Output output = TRY(run(std::move(command), kNewuidmapMs));
  if (output.status.success()) return {};
  std::string said(trim(output.err));
  // It begins its messages with its own name already.
  if (said.empty()) return fail(program + ": " + output.status.describe());
  return fail(said);
}

Result<void> write_single(pid_t pid, const IdentityPlan& plan) {
  std::string proc = "/proc/" + std::to_string(pid);
  auto write_map = [&](const char* file, const std::vector<IdMapEntry>& map) {
    std::string text;
    for (const IdMapEntry& entry : map) text += text_of(entry);
    return fs::write_existing(proc + file, text);
  };
  // Else gid_map may not be written without CAP_SETGID outside: dropping a group could open a file that denies it
  // (CVE-2014-8989, user_namespaces(7)).
  TRY(fs::write_existing(proc + "/setgroups", "deny"));
  TRY(write_map("/gid_map", plan.gids));
  return write_map("/uid_map", plan.uids);
}

}  // namespace

std::string_view name_of(IdentityRung rung) {
  switch (rung) {
    case IdentityRung::kSubuidFull: return "subuid";
    case IdentityRung::kSubuidPartial: return "subuid-partial";
    case IdentityRung::kSingle: return "single";
  }
  return "single";
}

JoinedRanges join_ranges(std::uint32_t own, const std::vector<IdRange>& ranges, std::string_view what) {
  JoinedRanges joined;
  joined.map.push_back({0, own, 1});
  joined.ids = 1;
  std::size_t bytes = text_of(joined.map[0]).size();
  for (const IdRange& range : ranges) {
    if (range.count == 0) continue;
    std::uint64_t count = range.count;
    auto warn = [&](std::string_view why) {
      joined.warnings.push_back(fmt::format("{} range {}: {}", what, range_text(range), why));
    };
    bool taken = false;
    for (const IdMapEntry& entry : joined.map) taken |= overlap(range.start, count, entry.outside, entry.count);
    if (taken) {
      warn(overlap(range.start, count, own, 1) ? "has the user's own id in it; not used"
                                               : "overlaps another range; not used");
      continue;
    }
    // Outside and inside: neither may reach the id that is none.
    std::uint64_t room = std::min(kIds - std::min<std::uint64_t>(range.start, kIds), kIds - joined.ids);
    if (count > room) {
      warn("goes beyond the last id, 4294967294; cut");
      count = room;
    }
    if (count == 0) continue;
    IdMapEntry entry{joined.ids, range.start, static_cast<std::uint32_t>(count)};
    bytes += text_of(entry).size();
    if (joined.map.size() == kMaxExtents || bytes >= kMaxMapBytes) {
      warn("the kernel takes no more ranges than those before it; not used, nor any after it");
      break;
    }
    joined.map.push_back(entry);
    joined.ids += entry.count;
  }
  return joined;
}

Result<IdentityPlan> plan_subuid(const Facts& facts) {
  const std::string who = facts.user.empty() ? std::to_string(facts.uid) : facts.user;
  if (!facts.newuidmap || !facts.newgidmap)
    return fail(fmt::format("{} is not installed", facts.newuidmap ? "newgidmap" : "newuidmap"));
  if (facts.subuids.empty() || facts.subgids.empty()) {
    const char* kind = facts.subuids.empty() ? "user" : "group";
    std::string why = facts.subids_reason.empty() ? "" : " (" + facts.subids_reason + ")";
    return fail(fmt::format("{} has no subordinate {} ids{}", who, kind, why));
  }
  JoinedRanges uids = join_ranges(facts.uid, facts.subuids, "subuid");
  JoinedRanges gids = join_ranges(facts.gid, facts.subgids, "subgid");
  IdentityPlan plan;
  plan.warnings = uids.warnings;
  plan.warnings.insert(plan.warnings.end(), gids.warnings.begin(), gids.warnings.end());
  plan.id_limit = std::min(uids.ids, gids.ids);
  if (plan.id_limit < 2) return fail("no subordinate range of " + who + " can be used: " + join(plan.warnings, "; "));
  plan.rung = plan.id_limit >= kFullIds ? IdentityRung::kSubuidFull : IdentityRung::kSubuidPartial;
  if (plan.rung == IdentityRung::kSubuidPartial)
    plan.lost.push_back({IdentityRung::kSubuidFull,
                         fmt::format("{} has {} subordinate ids, fewer than {}", who, plan.id_limit - 1, kFullIds)});
  plan.uids = std::move(uids.map);
  plan.gids = std::move(gids.map);
  plan.newuidmap = *facts.newuidmap;
  plan.newgidmap = *facts.newgidmap;
  return plan;
}

IdentityPlan plan_single(const Facts& facts) {
  IdentityPlan plan;
  plan.uids = {{0, facts.uid, 1}};
  plan.gids = {{0, facts.gid, 1}};
  return plan;
}

Result<IdentityPlan> plan_identity(IdentityMode mode, const Facts& facts) {
  auto without = [&](const std::string& reason) {
    IdentityPlan plan = plan_single(facts);
    plan.lost = {{IdentityRung::kSubuidFull, reason}, {IdentityRung::kSubuidPartial, reason}};
    return plan;
  };
  if (mode == IdentityMode::kSingle) return without("identity.mode is \"single\"");
  auto subuid = plan_subuid(facts);
  std::string reason;
  if (!subuid) {
    reason = subuid.error().what;
  } else if (facts.id_maps.ok) {
    return std::move(*subuid);
  } else {
    reason = facts.id_maps.reason;
  }
  if (mode == IdentityMode::kSubuid)
    return fail("identity.mode is \"subuid\", but " + reason,
                "ask an administrator for a range (sublet doctor --admin), or allow identity.mode = \"auto\"",
                ExitCode::kPrerequisite);
  return without(reason);
}

Result<void> write_id_maps(pid_t pid, const IdentityPlan& plan) {
  if (plan.rung == IdentityRung::kSingle) return write_single(pid, plan);
  TRY(run_newidmap(plan.newuidmap, pid, plan.uids));
  return run_newidmap(plan.newgidmap, pid, plan.gids);
}

}  // namespace sublet::launcher
