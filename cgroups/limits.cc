// SPDX-License-Identifier: Apache-2.0
#include "cgroups/limits.h"

#include <sched.h>

#include <functional>

#include "base/fs.h"
#include "base/strings.h"
#include "cgroups/hierarchy.h"

namespace sublet::cgroups {
namespace {

using Limit = std::optional<std::uint64_t>;

// "max" is no number. v1 says "no limit" by a number near 2^63, which is above every machine's memory.
Limit number(const std::string& text) {
  auto value = parse_int<std::uint64_t>(trim(text));
  if (value && *value >= (std::uint64_t{1} << 62)) return std::nullopt;
  return value;
}

void tighten(Limit& limit, const Place& place, const std::string& file,
             const std::function<Limit(const std::string&)>& read = number) {
  for (std::string at = place.directory;; at = parent_of(at)) {
    if (auto text = fs::read_file(at + "/" + file)) {
      Limit value = read(*text);
      if (value && (!limit || *value < *limit)) limit = value;
    }
    if (at == place.top || at == "/") return;
  }
}

std::vector<unsigned> own_cpus() {
  std::vector<unsigned> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

Limit memory_seen(const View& seen) {
  Limit limit;
  if (auto place = unified_place(seen)) tighten(limit, *place, "memory.max");
  if (auto place = v1_place(seen, "memory")) tighten(limit, *place, "memory.limit_in_bytes");
  return limit;
}

}  // namespace

std::optional<std::uint64_t> quota_of(const std::string& cpu_max) {
  const std::vector<std::string> parts = words(trim(cpu_max));
  if (parts.size() != 2) return std::nullopt;
  auto quota = parse_int<std::uint64_t>(parts[0]);
  auto period = parse_int<std::uint64_t>(parts[1]);
  constexpr std::uint64_t kSecond = 1'000'000;  // the kernel's longest period, and shortest to overflow no product
  if (!quota || !period || *period == 0 || *quota > UINT64_MAX / kSecond) return std::nullopt;
  return *quota * kSecond / *period;
}

Limits read_limits(const std::string& root) {
  const View seen = look(root);
  Limits limits;
  limits.memory = memory_seen(seen);
  limits.cpus = own_cpus();
  auto place = unified_place(seen);
  if (!place) return limits;
  tighten(limits.swap, *place, "memory.swap.max");
  tighten(limits.tasks, *place, "pids.max");
  tighten(limits.cpu_quota, *place, "cpu.max", quota_of);
  if (auto weight = fs::read_file(place->directory + "/cpu.weight")) {
    constexpr std::uint64_t kDefault = 100;
    limits.cpu_weight = number(*weight);
    if (limits.cpu_weight == kDefault) limits.cpu_weight.reset();
  }
  return limits;
}

std::optional<std::uint64_t> memory_limit(const std::string& root) { return memory_seen(look(root)); }

}  // namespace sublet::cgroups
