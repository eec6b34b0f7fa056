// SPDX-License-Identifier: Apache-2.0
#include "base/cpu_list.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <iterator>

#include "base/strings.h"

namespace sublet {
namespace {

constexpr unsigned kWordBits = sizeof(unsigned long) * CHAR_BIT;

}  // namespace

Result<CpuList> parse_cpu_list(std::string_view text) {
  CpuList cpus;
  text = trim(text);
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = trim(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t dash = part.find('-');
    const auto first = parse_int<unsigned>(part.substr(0, dash));
    const auto last = dash == part.npos ? first : parse_int<unsigned>(part.substr(dash + 1));
    if (!first || !last || *first > *last || *last >= kMostCpus)
      return fail("\"" + std::string(part) + "\" is no CPU and no range of CPUs", "write it as in \"0-3,8\"");
    for (unsigned cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::string to_text(const CpuList& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t end = i;
    while (end + 1 < cpus.size() && cpus[end + 1] == cpus[end] + 1) ++end;
    if (!text.empty()) text += ',';
    text += std::to_string(cpus[i]);
    if (end > i) text += '-' + std::to_string(cpus[end]);
    i = end + 1;
  }
  return text;
}

CpuList without(const CpuList& from, const CpuList& without) {
  CpuList rest;
  std::set_difference(from.begin(), from.end(), without.begin(), without.end(), std::back_inserter(rest));
  return rest;
}

bool is_subset(const CpuList& some, const CpuList& all) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

Result<CpuList> affinity_of(pid_t tid) {
  // The kernel refuses a mask smaller than its own. The raw call says how much of it was written.
  std::vector<unsigned long> mask(kMostCpus / kWordBits);
  const long bytes = ::syscall(SYS_sched_getaffinity, tid, mask.size() * sizeof(unsigned long), mask.data());
  if (bytes < 0) return fail_errno("sched_getaffinity");
  CpuList cpus;
  for (unsigned cpu = 0; cpu < static_cast<unsigned>(bytes) * CHAR_BIT; ++cpu)
    if ((mask[cpu / kWordBits] >> (cpu % kWordBits) & 1) != 0) cpus.push_back(cpu);
  return cpus;
}

Result<void> set_affinity(const CpuList& cpus, pid_t tid) {
  const std::vector<unsigned long> mask = to_mask(cpus);
  if (::syscall(SYS_sched_setaffinity, tid, mask.size() * sizeof(unsigned long), mask.data()) != 0)
    return fail_errno("sched_setaffinity to " + to_text(cpus));
  return {};
}

std::vector<unsigned long> to_mask(const CpuList& cpus) {
  std::vector<unsigned long> mask(cpus.empty() ? 1 : cpus.back() / kWordBits + 1);
  for (const unsigned cpu : cpus) mask[cpu / kWordBits] |= 1UL << (cpu % kWordBits);
  return mask;
}

}  // namespace sublet
