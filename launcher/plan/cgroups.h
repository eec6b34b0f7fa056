// SPDX-License-Identifier: Apache-2.0
// The cgroup ladder. What the host gives is found out in the end only by making it: systemd may refuse, a controller
// that is listed may not be had. So the plan has every rung that may be tried, best first; behind the last one is doing
// without.
#pragma once

#include <string>
#include <vector>

#include "cgroups/home.h"
#include "launcher/config/config.h"
#include "launcher/facts/facts.h"

namespace sublet::launcher {

enum class CgroupRung { kLeaf, kSystemd, kNone };
[[nodiscard]] const char* name_of(CgroupRung rung);

struct CgroupPlan {
  struct Attempt {
    CgroupRung rung = CgroupRung::kNone;
    cgroups::HomePlan home;
    std::vector<std::string> controllers;  // that pods would have
    std::vector<std::string> refused;      // "cpu: reason"
  };
  std::vector<Attempt> attempts;
  std::vector<std::string> reasons;  // of better rungs that are not among them, or did not work: "leaf: why"
  // What is taken: by the first attempt as long as none was made.
  CgroupRung rung = CgroupRung::kNone;
  std::vector<std::string> controllers;
  std::vector<std::string> refused;
  bool in_job = false;

  /// The first attempt has not worked: the next one is the plan.
  void step_down(const std::string& reason);
  /// It has, with these controllers.
  void settle(const cgroups::Granted& granted);
  [[nodiscard]] bool any() const { return rung != CgroupRung::kNone; }
};

[[nodiscard]] CgroupPlan plan_cgroups(const Config& config, const Facts& facts);

/// What is lost, a sentence each, every one beginning with "cgroups: ".
[[nodiscard]] std::vector<std::string> losses(const CgroupPlan& plan);

/// What pods miss without this controller; empty for one that they do not need.
[[nodiscard]] std::string missed_without(const std::string& controller);

}  // namespace sublet::launcher
