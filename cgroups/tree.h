// SPDX-License-Identifier: Apache-2.0
// Making cgroups, moving processes into them and taking whole trees away again.
//
// A cluster's cgroup is held by a shared lock (flock(2)) on its directory, by the launcher and by node-init: who gets
// the exclusive one knows that nobody is left in it. Whoever makes or clears cgroups in a directory holds that
// directory's own exclusive lock meanwhile.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::cgroups {

/// Moves a process with all its threads; 0 is the caller.
Result<void> move_process(pid_t pid, const std::string& directory);

/// The directories in `directory`; none if it can't be read.
[[nodiscard]] std::vector<std::string> children_of(const std::string& directory);

/// Removes `directory` and all below it, bottom-up, but for `keep` (a path below it, with what is above that; empty:
/// nothing). A cgroup whose last process is only just ending (EBUSY) is tried again until `patience` is over. What is
/// gone already is no error.
Result<void> remove_cgroups(const std::string& directory, std::chrono::milliseconds patience,
                            const std::string& keep = {});

/// Opens the directory and locks it. EWOULDBLOCK: somebody else holds it, and did for all of `patience`.
enum class Lock { kShared, kExclusive };
[[nodiscard]] Result<UniqueFd> lock_cgroup(const std::string& directory, Lock lock, std::chrono::milliseconds patience);

/// Removes clusters' cgroups in `base` that nobody holds: those of killed runs. The caller holds the lock of `base`.
/// Gives the names of those removed.
std::vector<std::string> sweep(const std::string& base);

}  // namespace sublet::cgroups
