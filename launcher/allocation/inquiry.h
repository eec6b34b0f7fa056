// SPDX-License-Identifier: Apache-2.0
// What the environment does not say and the workload manager would, if asked: a command to run, and what its answer
// means. Pure; whoever runs it does so beside the bring-up, with a time limit: a controller that is down answers late.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/allocation/allocation.h"

namespace sublet::launcher {

struct Inquiry {
  enum class Kind { kSqueue, kFluxResources };
  Kind kind = Kind::kSqueue;
  std::vector<std::string> argv;  // argv[0] is to be found by PATH
};
/// Slurm: when the job ends (Slurm before 23.02 doesn't say so in the environment). Flux: R, for hosts and end. With
/// `again`, also where it is known already: a job's end can be moved.
[[nodiscard]] std::optional<Inquiry> inquiry_for(const Allocation& allocation, bool again = false);

/// Puts the answer into `allocation`. Contradictions are warned of; an answer that cannot be understood is an error and
/// changes nothing.
Result<void> apply_answer(Inquiry::Kind kind, std::string_view answer, const std::string& hostname, std::int64_t now,
                          Allocation& allocation, std::vector<std::string>& warnings);

/// squeue(1), %L: "1-02:03:04", "02:03:04", "03:04", in seconds. Nothing for UNLIMITED, NOT_SET and INVALID.
[[nodiscard]] std::optional<std::int64_t> parse_time_left(std::string_view text);

/// R of Flux RFC 20, version 1.
struct FluxResources {
  std::vector<std::string> hosts;
  std::uint32_t cores = 0;  // of the host asked for; cores, not hardware threads
  std::vector<std::string> gpus;
  std::optional<std::size_t> host_index;
  std::optional<std::int64_t> expiration;
};
[[nodiscard]] Result<FluxResources> parse_flux_resources(std::string_view text, const std::string& hostname);

}  // namespace sublet::launcher
