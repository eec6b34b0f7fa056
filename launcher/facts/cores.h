// SPDX-License-Identifier: Apache-2.0
// Which of our CPUs somebody has claimed: a simulation whose ranks are bound to theirs is beside us already, and the
// cluster's own daemons keep out of its way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cpu_list.h"

namespace sublet::launcher {

/// The union of those `masks` that are a part of `ours` and not all of it. A mask as wide as ours binds to nothing, and
/// one that reaches beyond ours is of another job.
[[nodiscard]] CpuList claimed_cpus(const std::vector<CpuList>& masks, const CpuList& ours);

/// The masks (Cpus_allowed_list of proc_pid_status(5)) of all threads of user `uid` below `proc`, each kind once. What
/// ends while it is read is left out; after `most` threads the rest is, too.
[[nodiscard]] std::vector<CpuList> thread_masks(const std::string& proc, std::uint32_t uid, std::size_t most = 20000);

/// Those of `ours` that a cpuset still lets us have, though we have confined ourselves to a part of them. Tried in a
/// thread of its own; all of them if that fails.
[[nodiscard]] CpuList still_allowed(const CpuList& ours);

}  // namespace sublet::launcher
