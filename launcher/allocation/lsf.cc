// SPDX-License-Identifier: Apache-2.0
// LSF: «Environment variables set for job execution» of its reference. Hosts come as "A 2 B 4" (LSB_MCPU_HOSTS), as a
// file with a line for each slot, or as "A A B" (LSB_HOSTS, not set for long lists): the first that is there counts.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "launcher/allocation/allocation.h"
#include "launcher/allocation/gpus.h"
#include "launcher/allocation/hostlist.h"
#include "launcher/allocation/readings.h"

namespace sublet::launcher {
namespace {

struct Slots {
  std::string host;
  std::uint64_t count = 1;
};

// Words of hosts, each followed by its count if `counted`.
std::optional<std::vector<Slots>> parse_slots(const std::vector<std::string>& list, bool counted) {
  std::vector<Slots> slots;
  const std::size_t step = counted ? 2 : 1;
  if (list.size() % step != 0 || list.size() / step > kMostHosts) return std::nullopt;
  for (std::size_t i = 0; i < list.size(); i += step) {
    auto host = expand_hostlist(list[i], 1);
    auto count = counted ? parse_int<std::uint64_t>(list[i + 1]) : std::optional<std::uint64_t>(1);
    if (!host || !count || *count > kMostSlots) return std::nullopt;
    slots.push_back({std::move(host->front()), *count});
  }
  return slots;
}

struct Found {
  std::vector<Slots> slots;
  const char* name = "LSB_HOSTS";
};

Found read_slots(const AllocationSources& sources, Readings& readings) {
  for (const char* name : {"LSB_MCPU_HOSTS", "LSB_DJOB_HOSTFILE", "LSB_HOSTS"}) {
    auto text = readings.text(name);
    if (!text) continue;
    const bool file = std::string_view(name) == "LSB_DJOB_HOSTFILE";
    std::string list = *text;
    if (file) {
      auto content = sources.read(*text);
      if (!content) {
        readings.ignore(name, *text, content.error().what);
        continue;
      }
      list = content->text;
      std::replace(list.begin(), list.end(), '\n', ' ');
    }
    auto slots = parse_slots(words(list), std::string_view(name) == "LSB_MCPU_HOSTS");
    if (slots && !slots->empty()) return {std::move(*slots), name};
    readings.ignore(name, *text, "not a list of hosts");
  }
  return {};
}

}  // namespace

void read_lsf(Allocation& allocation, const AllocationSources& sources, std::vector<std::string>& warnings) {
  Readings readings(sources.env, warnings);
  // Not an array: 0, or not set.
  auto index = readings.text("LSB_JOBINDEX");
  if (index && *index != "0" && good_job_id(*index)) allocation.array = allocation.id + "_" + *index;
  const Found found = read_slots(sources, readings);
  std::uint64_t slots = 0;
  std::uint64_t own = 0;
  for (const Slots& part : found.slots) {
    slots += part.count;
    if (same_host(part.host, sources.hostname)) own += part.count;
    if (std::find(allocation.hosts.begin(), allocation.hosts.end(), part.host) == allocation.hosts.end())
      allocation.hosts.push_back(part.host);
  }
  place_host(allocation, sources.hostname, found.name, 0, "", readings);
  const auto count = readings.number("LSB_DJOB_NUMPROC", UINT32_MAX);
  if (count && slots != 0 && *count != slots)
    readings.warn(
        fmt::format("{} has {} slots, but LSB_DJOB_NUMPROC is {}; going by the list", found.name, slots, *count));
  allocation.tasks = static_cast<std::uint32_t>(own);
  // A slot is one CPU unless the job asked for more of them to each, which it is then bound to.
  if (!readings.text("LSB_BIND_CPU_LIST") && !readings.text("LSB_AFFINITY_HOSTFILE") && own > 0 && own <= kMostSlots) {
    allocation.cpus = static_cast<std::uint32_t>(own);
    allocation.cpus_by = found.name;
  }
  read_gpus(allocation, {}, readings);
}

}  // namespace sublet::launcher
