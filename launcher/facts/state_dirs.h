// SPDX-License-Identifier: Apache-2.0
// Directories that could hold the state, looked at one by one, and which of them is taken.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/facts/facts.h"
#include "launcher/facts/host.h"

namespace sublet::launcher {

/// Below this no cluster starts: etcd, logs and one unpacked image.
inline constexpr std::uint64_t kStateBytesNeeded = std::uint64_t{512} << 20;
/// With this a disk is better than memory, which would count against the job.
inline constexpr std::uint64_t kStateBytesRoomy = std::uint64_t{2} << 30;

/// `configured` (state.dir, "" if not set), $TMPDIR, /dev/shm, /tmp; each directory once. Writability is tried by a
/// directory made and removed at once. A configured one may be missing yet: then its nearest parent is looked at.
[[nodiscard]] std::vector<StateCandidate> find_state_candidates(const std::string& configured, const GetEnv& env);

/// The one to use. A configured one or none; else $TMPDIR if usable; else a roomy disk, roomy memory, the largest.
[[nodiscard]] const StateCandidate* choose_state(const std::vector<StateCandidate>& candidates);

}  // namespace sublet::launcher
