// SPDX-License-Identifier: Apache-2.0
// Our share of this host: what the machine has, cut to what the kernel lets us use and to what the workload manager
// gave us, each with the bound that counted. The node advertises exactly this. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/allocation/allocation.h"

namespace sublet::launcher {

/// What the kernel says.
struct HostLimits {
  std::vector<std::uint32_t> cpus;            // that we may run on (sched_getaffinity(2): affinity and cpuset)
  std::uint32_t machine_cpus = 0;             // that are online
  std::uint64_t machine_memory = 0;           // MemTotal, bytes
  std::optional<std::uint64_t> memory_limit;  // the tightest of the cgroups above us, bytes
};

struct Share {
  std::vector<std::uint32_t> cpus;  // numbers, in order; never empty
  std::string cpus_by;
  std::uint64_t memory_bytes = 0;  // whole KiB; 0: not known
  std::string memory_by;
  std::optional<std::vector<std::string>> gpus;
  std::string gpus_by;

  [[nodiscard]] std::uint32_t cpu_count() const { return static_cast<std::uint32_t>(cpus.size()); }
};

[[nodiscard]] Share share_of(const HostLimits& host, const Allocation& allocation);

/// "0-3,8"
[[nodiscard]] std::string cpu_list(const std::vector<std::uint32_t>& cpus);

}  // namespace sublet::launcher
