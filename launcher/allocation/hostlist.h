// SPDX-License-Identifier: Apache-2.0
// The short forms in which workload managers write lists: hosts ("n[1-3,07-10]-ib[0,2],login"), sets of ids ("0-3,8"),
// repeated counts ("2(x3),1"). All bounded: a list comes from an environment that anybody may have written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

/// More hosts than any machine has; a list that says more is refused before it is written out.
inline constexpr std::size_t kMostHosts = 65536;

/// Slurm's and Flux's host lists (Flux RFC 29; scontrol(1), `show hostnames`): several brackets in a name give every
/// combination, the last one fastest; numbers are padded to the width of a range's first. In the order as written.
[[nodiscard]] Result<std::vector<std::string>> expand_hostlist(std::string_view text, std::size_t most = kMostHosts);

/// "0-3,8" (Flux RFC 22), as written.
[[nodiscard]] Result<std::vector<std::uint32_t>> expand_idset(std::string_view text, std::size_t most = kMostHosts);

/// "2(x3),1" is 2, 2, 2, 1 (sbatch(1), SLURM_TASKS_PER_NODE).
[[nodiscard]] Result<std::vector<std::uint32_t>> expand_counts(std::string_view text, std::size_t most = kMostHosts);

/// Whether both are names of one host: a name without a domain is the same as one with any.
[[nodiscard]] bool same_host(std::string_view one, std::string_view other);

}  // namespace sublet::launcher
