// SPDX-License-Identifier: Apache-2.0
#include "launcher/plan/cgroups.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

using Kind = cgroups::HomePlan::Kind;

CgroupPlan::Attempt leaf(const Config& config, const Facts& facts) {
  CgroupPlan::Attempt attempt;
  attempt.rung = CgroupRung::kLeaf;
  attempt.home.kind = facts.cgroup_leaf_inside ? Kind::kInside : Kind::kBeside;
  attempt.home.base = facts.cgroup_leaf_base;
  attempt.home.move_others = config.cgroups == CgroupMode::kLeaf;
  attempt.controllers = facts.cgroup_controllers;
  attempt.refused = facts.cgroup_refused;
  return attempt;
}

CgroupPlan::Attempt scope(const Facts& facts) {
  CgroupPlan::Attempt attempt;
  attempt.rung = CgroupRung::kSystemd;
  attempt.home.kind = Kind::kScope;
  attempt.home.socket = facts.cgroup_bus;
  attempt.home.limits = facts.cgroup_limits;
  attempt.home.controllers = facts.cgroup_systemd_controllers;
  attempt.controllers = facts.cgroup_systemd_controllers;
  return attempt;
}

void take_first(CgroupPlan& plan) {
  const bool none = plan.attempts.empty();
  plan.rung = none ? CgroupRung::kNone : plan.attempts.front().rung;
  plan.controllers = none ? std::vector<std::string>() : plan.attempts.front().controllers;
  plan.refused = none ? std::vector<std::string>() : plan.attempts.front().refused;
}

std::string because(const std::vector<std::string>& reasons) {
  return reasons.empty() ? "" : " (" + join(reasons, "; ") + ")";
}

}  // namespace

const char* name_of(CgroupRung rung) {
  switch (rung) {
    case CgroupRung::kLeaf: return "leaf";
    case CgroupRung::kSystemd: return "systemd";
    case CgroupRung::kNone: return "none";
  }
  return "?";
}

void CgroupPlan::step_down(const std::string& reason) {
  if (attempts.empty()) return;
  reasons.push_back(fmt::format("{}: {}", name_of(attempts.front().rung), reason));
  attempts.erase(attempts.begin());
  take_first(*this);
}

void CgroupPlan::settle(const cgroups::Granted& granted) {
  controllers = granted.controllers;
  refused = granted.refused;
}

CgroupPlan plan_cgroups(const Config& config, const Facts& facts) {
  CgroupPlan plan;
  plan.in_job = facts.job.manager != "none";
  const CgroupMode mode = config.cgroups;
  if (mode == CgroupMode::kNone) {
    plan.reasons.emplace_back("cgroups.mode is \"none\"");
    return plan;
  }
  auto consider = [&](CgroupMode only, const Probe& probe, CgroupRung rung, auto make) {
    if (mode != CgroupMode::kAuto && mode != only) return;
    if (probe.ok)
      plan.attempts.push_back(make());
    else
      plan.reasons.push_back(fmt::format("{}: {}", name_of(rung), probe.reason));
  };
  consider(CgroupMode::kLeaf, facts.cgroup_leaf, CgroupRung::kLeaf, [&] { return leaf(config, facts); });
  consider(CgroupMode::kSystemd, facts.cgroup_systemd, CgroupRung::kSystemd, [&] { return scope(facts); });
  take_first(plan);
  return plan;
}

std::string missed_without(const std::string& controller) {
  if (controller == "cpu") return "requests and limits of CPU have no effect";
  if (controller == "pids") return "a pod may use up the job's processes";
  if (controller == "cpuset") return "pods are kept on the job's CPUs by affinity alone";
  if (controller == "io") return "pods' reads and writes are not counted";
  return "";
}

std::vector<std::string> losses(const CgroupPlan& plan) {
  std::vector<std::string> lost;
  if (!plan.any()) {
    lost.push_back("cgroups: pods share the cgroup of the job; their own limits are not enforced" +
                   because(plan.reasons));
    return lost;
  }
  if (plan.rung == CgroupRung::kSystemd && plan.in_job)
    lost.push_back(
        "cgroups: pods are in a scope of your systemd: the job's limits are set on them once more, and the " +
        std::string("workload manager does not count them") + because(plan.reasons));
  for (const std::string& name : cgroups::wanted_controllers()) {
    if (cgroups::has(plan.controllers, name)) continue;
    auto refused = std::find_if(plan.refused.begin(), plan.refused.end(),
                                [&](const std::string& each) { return each.starts_with(name + ": "); });
    const std::string why = refused == plan.refused.end() ? "" : " (" + refused->substr(name.size() + 2) + ")";
    lost.push_back(fmt::format("cgroups: no {} controller{}: {}", name, why, missed_without(name)));
  }
  return lost;
}

}  // namespace sublet::launcher
