// SPDX-License-Identifier: Apache-2.0
// The cluster's own cgroup, seen from node-init: which makes itself a cgroup namespace of it, sits down in a leaf,
// gives controllers to pods, and takes away what it can if the launcher is gone.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::cgroups {

class Inner {
 public:
  /// Called in the cluster's cgroup, before the root is changed: opens the way out, unshares the cgroup namespace
  /// (whose root is the caller's cgroup at that time, cgroup_namespaces(7)), moves into HOME/system (which is there)
  /// and gives HOME's controllers to its children. `refused` gets those that could not be given.
  [[nodiscard]] static Result<Inner> enter(std::vector<std::string>& refused);

  /// When all other processes have ended and the launcher is gone: removes the tree, with HOME itself if BASE lets us
  /// move there. An error says what is left.
  Result<void> leave() const;

 private:
  Inner() = default;
  std::string name_;     // of HOME in BASE
  UniqueFd base_;        // BASE
  UniqueFd base_procs_;  // its cgroup.procs, to be written; opened in the old namespace, which is what counts
  UniqueFd lock_;        // HOME's
  std::vector<std::string> controllers_;
};

}  // namespace sublet::cgroups
