// SPDX-License-Identifier: Apache-2.0
// Our share of this host: what the machine has, cut to what the kernel lets us use and to what the workload manager
// gave us, each with the bound that counted. The node advertises exactly this. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cpu_list.h"
#include "launcher/allocation/allocation.h"

namespace sublet::launcher {

/// What the kernel says.
struct HostLimits {
  CpuList cpus;                               // that we may run on (sched_getaffinity(2): affinity and cpuset)
  std::uint32_t machine_cpus = 0;             // that are online
  std::uint64_t machine_memory = 0;           // MemTotal, bytes
  std::optional<std::uint64_t> memory_limit;  // the tightest of the cgroups above us, bytes
};

struct Share {
  CpuList cpus;  // never empty
  std::string cpus_by;
  std::uint64_t memory_bytes = 0;  // whole KiB; 0: not known
  std::string memory_by;
  bool memory_by_cgroup = false;  // a cgroup above us has this limit
  std::optional<std::vector<std::string>> gpus;
  std::string gpus_by;
  std::uint32_t machine_cpus = 0;    // for comparison
  std::uint64_t machine_memory = 0;  // bytes

  [[nodiscard]] bool cpus_cut() const { return cpu_count() < machine_cpus; }
  [[nodiscard]] bool memory_cut() const { return memory_bytes < machine_memory; }
  [[nodiscard]] std::uint32_t cpu_count() const { return static_cast<std::uint32_t>(cpus.size()); }
};

[[nodiscard]] Share share_of(const HostLimits& host, const Allocation& allocation);

/// Whether a node that offers the one may go on with the other: the same CPUs, and memory that differs by less than a
/// hundredth. A virtual machine's goes up and down by a little, with its host's.
[[nodiscard]] bool alike(const Share& a, const Share& b);

}  // namespace sublet::launcher
