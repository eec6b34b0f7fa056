// SPDX-License-Identifier: Apache-2.0
// OpenPBS and PBS Professional (qsub(1B), ENVIRONMENT VARIABLES) and Torque (qsub(1), the same): the node file has a
// line for each task, so a host stands there as often as it has tasks.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "launcher/allocation/allocation.h"
#include "launcher/allocation/gpus.h"
#include "launcher/allocation/hostlist.h"
#include "launcher/allocation/readings.h"

namespace sublet::launcher {
namespace {

std::optional<AllocationSources::File> read_listed(const char* name, const AllocationSources& sources,
                                                   Readings& readings) {
  auto path = readings.text(name);
  if (!path) return std::nullopt;
  auto file = sources.read(*path);
  if (file) return std::move(*file);
  readings.ignore(name, *path, file.error().what);
  return std::nullopt;
}

void read_nodes(Allocation& allocation, const AllocationSources& sources, const AllocationSources::File& file,
                Readings& readings) {
  std::vector<std::string> slots;
  for (const std::string& line : lines(file.text)) {
    const std::string name(trim(line));
    auto host = expand_hostlist(name, 1);
    if (name.empty()) continue;
    if (!host || slots.size() == kMostHosts)
      return readings.ignore("PBS_NODEFILE", name, host ? "too many lines" : host.error().what);
    slots.push_back(std::move(host->front()));
  }
  for (const std::string& slot : slots) {
    if (allocation.hosts.empty() || allocation.hosts.back() != slot)
      if (std::find(allocation.hosts.begin(), allocation.hosts.end(), slot) == allocation.hosts.end())
        allocation.hosts.push_back(slot);
    if (same_host(slot, sources.hostname)) ++allocation.tasks;
  }
}

// Torque's: lines "HOST-gpuN".
void read_gpu_file(Allocation& allocation, const AllocationSources& sources, Readings& readings) {
  if (allocation.gpus) return;
  auto file = read_listed("PBS_GPUFILE", sources, readings);
  if (!file) return;
  std::vector<std::string> devices;
  for (const std::string& line : lines(file->text)) {
    const std::size_t dash = line.rfind("-gpu");
    if (dash == std::string::npos || !same_host(line.substr(0, dash), sources.hostname)) continue;
    const std::string id(trim(std::string_view(line).substr(dash + 4)));
    if (parse_int<std::uint32_t>(id)) devices.push_back(id);
  }
  allocation.gpus = std::move(devices);
  allocation.gpus_by = "PBS_GPUFILE";
}

}  // namespace

void read_pbs(Allocation& allocation, const AllocationSources& sources, std::vector<std::string>& warnings) {
  Readings readings(sources.env, warnings);
  if (const std::size_t bracket = allocation.id.find('['); bracket != std::string::npos)
    allocation.array = allocation.id;
  auto nodes = read_listed("PBS_NODEFILE", sources, readings);
  if (nodes) read_nodes(allocation, sources, *nodes, readings);
  place_host(allocation, sources.hostname, "PBS_NODEFILE", readings.number("PBS_NUM_NODES", kMostHosts).value_or(0),
             "PBS_NUM_NODES", readings);
  for (const char* name : {"PBS_NUM_PPN", "PBS_NCPUS", "NCPUS"}) {
    auto cpus = readings.number(name, kMostSlots);
    if (!cpus) continue;
    allocation.cpus = static_cast<std::uint32_t>(*cpus);
    allocation.cpus_by = name;
    break;
  }
  read_gpus(allocation, {}, readings);
  read_gpu_file(allocation, sources, readings);
  // Torque says how long the job may take, in seconds; the node file is made when it starts.
  constexpr std::uint64_t kYear = 366 * 86400;
  auto walltime = readings.number("PBS_WALLTIME", kYear);
  if (walltime && nodes && nodes->modified > 0) {
    const std::int64_t end = nodes->modified + static_cast<std::int64_t>(*walltime);
    if (end <= sources.now) return readings.ignore("PBS_WALLTIME", std::to_string(*walltime), "that is over");
    allocation.end = end;
    allocation.end_by = "PBS_WALLTIME";
  }
}

}  // namespace sublet::launcher
