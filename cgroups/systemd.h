// SPDX-License-Identifier: Apache-2.0
// Whether the user's own systemd would give a transient scope with delegated controllers. Only asks; creates nothing.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace sublet::cgroups {

/// The user's service manager, as it answered.
struct UserManager {
  std::string bus;                       // the socket that it was found at
  std::string control_group;             // its own cgroup, which it may hand out parts of
  std::vector<std::string> controllers;  // what has been delegated to it
};

/// Sockets where the user's bus may be, best first: $XDG_RUNTIME_DIR/bus (`runtime_dir`, may be empty), then
/// /run/user/UID/bus, because a batch job often lacks the variable, or has that of the submitting host.
[[nodiscard]] std::vector<std::string> bus_candidates(const std::string& runtime_dir, unsigned uid);

/// Asks the user manager behind the first of `sockets` that exists for its cgroup (Manager.ControlGroup of
/// org.freedesktop.systemd1(5)) and reads which controllers that cgroup has below `cgroup_root` (where cgroup v2 is
/// mounted). Never takes longer than `limit`. An error if there is none, or nothing is delegated to it.
[[nodiscard]] Result<UserManager> ask_user_manager(const std::vector<std::string>& sockets,
                                                   const std::string& cgroup_root,
                                                   std::chrono::milliseconds limit = std::chrono::milliseconds(500));

}  // namespace sublet::cgroups
