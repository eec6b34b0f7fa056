// SPDX-License-Identifier: Apache-2.0
// Sets of CPUs: their text form, and those that a process may run on.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sublet {

/// CPU numbers, in order, each once.
using CpuList = std::vector<unsigned>;

/// No kernel has more (CONFIG_NR_CPUS is at most 8192).
inline constexpr unsigned kMostCpus = 16384;

/// "0-3,8": cpuset(7), List Format. An empty text is an empty list. An error names the part that is wrong.
[[nodiscard]] Result<CpuList> parse_cpu_list(std::string_view text);
/// The same, shortest form.
[[nodiscard]] std::string to_text(const CpuList& cpus);

/// Those of `from` that are not in `without`.
[[nodiscard]] CpuList without(const CpuList& from, const CpuList& without);
/// Whether all of `some` are in `all`.
[[nodiscard]] bool is_subset(const CpuList& some, const CpuList& all);

/// The CPUs that thread `tid` (0: the caller) may run on: sched_getaffinity(2), which takes the cpuset into account.
[[nodiscard]] Result<CpuList> affinity_of(pid_t tid = 0);
/// Confines thread `tid` (0: the caller), and what it starts from now on. An error if none is usable (EINVAL).
Result<void> set_affinity(const CpuList& cpus, pid_t tid = 0);

/// A mask as the system call takes it: words of unsigned long, lowest CPU first.
[[nodiscard]] std::vector<unsigned long> to_mask(const CpuList& cpus);

}  // namespace sublet
