// SPDX-License-Identifier: Apache-2.0
// The cluster's own cgroup, seen from the launcher: made, given controllers, filled with node-init, and taken away when
// all in it has ended. names.h has its layout. What is inside of it is node-init's (inner.h).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cgroups/controllers.h"
#include "cgroups/limits.h"

namespace sublet::cgroups {

/// Where the cluster's cgroup is made.
struct HomePlan {
  enum class Kind {
    kBeside,  // in `base`, which has no processes of its own
    kInside,  // in `base`, our own cgroup: whoever is in it moves into a leaf first
    kScope,   // in a new scope of the user's systemd at `socket`
  };
  Kind kind = Kind::kBeside;
  std::string base;                      // kBeside, kInside
  std::string socket;                    // kScope
  Limits limits;                         // kScope: put on it
  std::vector<std::string> controllers;  // kScope: what its manager has
  bool move_others = false;              // kInside: whoever is there, not only the launcher and its waiting parent
};

class Home {
 public:
  /// Makes BASE/sublet-`name` and moves `pid` into it: a child of ours that has not begun yet. First removes what
  /// killed runs have left in BASE. On an error nothing is left, but for a scope, which goes with `pid`. Bounded in
  /// time: a second for systemd's answer, and less than that for everything else.
  [[nodiscard]] static Result<Home> make(const HomePlan& plan, const std::string& name, pid_t pid);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Granted& granted() const { return granted_; }

  /// After node-init has ended, and everything inside with it. Leaves BASE as it was found; a scope is removed by
  /// systemd, which is waited for, some seconds at most.
  Result<void> remove() &&;

 private:
  Home(HomePlan::Kind kind, std::string base, std::string path)
      : kind_(kind), base_(std::move(base)), path_(std::move(path)) {}
  Result<void> settle(const HomePlan& plan, pid_t pid);
  Result<void> move_in(const HomePlan& plan, pid_t pid);
  void move_out();

  HomePlan::Kind kind_;
  std::string base_;
  std::string path_;
  UniqueFd lock_;
  Granted granted_;
};

/// Removes what killed runs have left in `base`, now. Gives the names.
std::vector<std::string> clear_stale(const std::string& base);

}  // namespace sublet::cgroups
