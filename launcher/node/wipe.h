// SPDX-License-Identifier: Apache-2.0
// Removing the cluster's files from within, where root of the user namespace may remove what belongs to subordinate
// ids.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::launcher {

/// Held from before the root is changed: the way to remove the state directory itself when nobody outside is left to.
struct StateHandle {
  UniqueFd base;  // the directory that holds the user's directory of clusters
  std::string user_name;
  UniqueFd user;     // that directory
  std::string name;  // of the state directory in it
};
[[nodiscard]] Result<StateHandle> open_state(const std::string& state_dir);

/// Lets go of all mounts over the state's folders, then removes all folders that pods and components wrote to. What the
/// launcher needs to the end (lock, status, logs) stays.
Result<void> wipe_contents();
/// All of it, the state directory too, and the user's directory if it is empty then. For when the launcher is gone.
Result<void> wipe_all(const StateHandle& state);

}  // namespace sublet::launcher
