// SPDX-License-Identifier: Apache-2.0
// What the workload manager allows us: the tightest limits on the whole way from our cgroup up. What is moved out of
// that cgroup (a scope of the user's systemd) gets them again, so that it can't outgrow the job. Only reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sublet::cgroups {

struct Limits {
  std::optional<std::uint64_t> memory;      // bytes
  std::optional<std::uint64_t> swap;        // bytes
  std::optional<std::uint64_t> tasks;       // processes and threads
  std::optional<std::uint64_t> cpu_quota;   // microseconds of CPU time per second
  std::optional<std::uint64_t> cpu_weight;  // of our own cgroup, 1 to 10000; not set: the default of 100
  std::vector<unsigned> cpus;               // that we may run on (sched_getaffinity(2), which cpusets narrow)
  bool operator==(const Limits&) const = default;
};

/// All of the above. `root` as in hierarchy.h.
[[nodiscard]] Limits read_limits(const std::string& root = "/");

/// The tightest memory.max (v2) or memory.limit_in_bytes (v1) from our cgroup up to the top of what is mounted, in
/// bytes. Nothing if none of them limits.
[[nodiscard]] std::optional<std::uint64_t> memory_limit(const std::string& root = "/");

/// The text of cpu.max as microseconds per second: nothing for "max", or what is no such text.
[[nodiscard]] std::optional<std::uint64_t> quota_of(const std::string& cpu_max);

}  // namespace sublet::cgroups
