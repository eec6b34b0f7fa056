// SPDX-License-Identifier: Apache-2.0
#include "launcher/allocation/share.h"

#include <algorithm>

namespace sublet::launcher {

Share share_of(const HostLimits& host, const Allocation& allocation) {
  Share share;
  share.cpus = host.cpus.empty() ? CpuList{0} : host.cpus;
  share.cpus_by = share.cpu_count() < host.machine_cpus ? "the CPUs that we may run on" : "the machine";
  if (allocation.cpus != 0 && allocation.cpus < share.cpu_count()) {
    // We are not bound to any of them: which ones stand for the share is as good as any choice.
    share.cpus.resize(allocation.cpus);
    share.cpus_by = allocation.cpus_by;
  }
  share.memory_bytes = host.machine_memory;
  share.memory_by = "the machine";
  auto tighten = [&](std::uint64_t limit, const std::string& by) {
    if (share.memory_bytes != 0 && limit >= share.memory_bytes) return;
    share.memory_bytes = limit;
    share.memory_by = by;
  };
  constexpr const char* kByCgroup = "the cgroup's limit";
  if (host.memory_limit) tighten(*host.memory_limit, kByCgroup);
  if (allocation.memory_bytes != 0) tighten(allocation.memory_bytes, allocation.memory_by);
  share.memory_by_cgroup = share.memory_by == kByCgroup;
  share.memory_bytes &= ~std::uint64_t{1023};
  share.gpus = allocation.gpus;
  share.gpus_by = allocation.gpus_by;
  share.machine_cpus = host.machine_cpus;
  share.machine_memory = host.machine_memory;
  return share;
}

bool alike(const Share& a, const Share& b) {
  const auto [less, more] = std::minmax(a.memory_bytes, b.memory_bytes);
  constexpr std::uint64_t kHundred = 100;
  return a.cpus == b.cpus && (less == more || more - less < more / kHundred);
}

}  // namespace sublet::launcher
