// SPDX-License-Identifier: Apache-2.0
// Slurm 22.05 and newer: sbatch(1) and srun(1), OUTPUT ENVIRONMENT VARIABLES.
#include <fmt/format.h>

#include "base/strings.h"
#include "launcher/allocation/allocation.h"
#include "launcher/allocation/gpus.h"
#include "launcher/allocation/hostlist.h"
#include "launcher/allocation/readings.h"

namespace sublet::launcher {
namespace {

// A heterogeneous job's hosts are those of all its components; its own variables tell only of the first.
void read_hosts(Allocation& allocation, const AllocationSources& sources, Readings& readings) {
  constexpr std::uint64_t kMostComponents = 128;  // MAX_HET_JOB_COMPS
  const std::uint64_t components = readings.number("SLURM_HET_SIZE", kMostComponents).value_or(1);
  allocation.components = static_cast<std::uint32_t>(components);
  if (components > 1) {
    for (std::uint64_t i = 0; i < components; ++i) {
      auto part = readings.hosts(fmt::format("SLURM_JOB_NODELIST_HET_GROUP_{}", i).c_str());
      if (!part) continue;
      if (allocation.hosts.size() + part->size() > kMostHosts) break;
      allocation.hosts.insert(allocation.hosts.end(), part->begin(), part->end());
    }
  }
  const bool whole = allocation.hosts.empty();
  if (whole) allocation.hosts = readings.hosts("SLURM_JOB_NODELIST").value_or(std::vector<std::string>());
  const char* count_name = "SLURM_JOB_NUM_NODES";
  const std::uint64_t count = whole ? readings.number(count_name, kMostHosts).value_or(0) : 0;
  // slurmd's name for this host; it need not be the host's own.
  const std::string own = readings.text("SLURMD_NODENAME").value_or(sources.hostname);
  place_host(allocation, own, whole ? "SLURM_JOB_NODELIST" : "SLURM_JOB_NODELIST_HET_GROUP_*", count, count_name,
             readings);
}

std::optional<std::uint32_t> at(const std::optional<std::vector<std::uint32_t>>& list,
                                std::optional<std::size_t> index) {
  return list && index && *index < list->size() ? std::optional((*list)[*index]) : std::nullopt;
}

// The step's counts go by SLURM_NODEID, which counts the step's hosts; the job's by our place among the job's.
void read_tasks(Allocation& allocation, Readings& readings) {
  std::optional<std::uint32_t> tasks;
  if (auto text = readings.text("SLURM_NODEID"); text && !allocation.step.empty()) {
    const auto index = parse_int<std::size_t>(*text);
    if (!index) readings.ignore("SLURM_NODEID", *text, "not a number");
    tasks = at(readings.counts("SLURM_STEP_TASKS_PER_NODE"), index);
  }
  if (!tasks) tasks = at(readings.counts("SLURM_TASKS_PER_NODE"), allocation.host_index);
  allocation.tasks = tasks.value_or(0);
}

void read_cpus(Allocation& allocation, Readings& readings) {
  if (auto own = readings.number("SLURM_CPUS_ON_NODE", kMostSlots)) {
    allocation.cpus = static_cast<std::uint32_t>(*own);
    allocation.cpus_by = "SLURM_CPUS_ON_NODE";
  } else if (auto of_job = at(readings.counts("SLURM_JOB_CPUS_PER_NODE"), allocation.host_index); of_job.value_or(0)) {
    allocation.cpus = *of_job;
    allocation.cpus_by = "SLURM_JOB_CPUS_PER_NODE";
  }
}

// --mem, --mem-per-cpu and --mem-per-gpu exclude each other. --mem=0 is all that the host has.
void read_memory(Allocation& allocation, Readings& readings) {
  struct Row {
    const char* name;
    std::uint64_t times;
    const char* times_name;
  };
  const std::uint64_t gpus = allocation.gpus ? allocation.gpus->size() : 0;
  for (const Row& row : {Row{"SLURM_MEM_PER_NODE", 1, ""}, Row{"SLURM_MEM_PER_CPU", allocation.cpus, " × the CPUs"},
                         Row{"SLURM_MEM_PER_GPU", gpus, " × the GPUs"}}) {
    auto text = readings.text(row.name);
    if (!text) continue;
    const auto bytes = parse_megabytes(*text);
    if (!bytes) {
      readings.ignore(row.name, *text, "not an amount of memory");
      continue;
    }
    if (*bytes == 0) return;
    if (row.times == 0) {
      readings.ignore(row.name, *text, "how many of them this host has is not known");
      continue;
    }
    allocation.memory_bytes = *bytes * row.times;
    allocation.memory_by = std::string(row.name) + row.times_name;
    return;
  }
}

void read_end(Allocation& allocation, const AllocationSources& sources, Readings& readings) {
  constexpr const char* kName = "SLURM_JOB_END_TIME";
  constexpr std::int64_t kAlmostAYear = 364 * 86400;
  auto end = readings.number(kName, INT64_MAX);
  if (!end) return;
  const auto seconds = static_cast<std::int64_t>(*end);
  const std::string text = std::to_string(*end);
  // A shell that outlived its job still has its variables; a partition without a limit has an end a year from now.
  if (seconds <= sources.now) return readings.ignore(kName, text, "that is over");
  if (seconds >= sources.now + kAlmostAYear) return;
  allocation.end = seconds;
  allocation.end_by = kName;
}

}  // namespace

void read_slurm(Allocation& allocation, const AllocationSources& sources, std::vector<std::string>& warnings) {
  Readings readings(sources.env, warnings);
  for (const char* name : {"SLURM_STEP_ID", "SLURM_STEPID"}) {
    auto step = readings.text(name);
    if (!step || !allocation.step.empty()) continue;
    if (good_job_id(*step))
      allocation.step = *step;
    else
      readings.ignore(name, *step, "not the id of a step");
  }
  auto array = readings.text("SLURM_ARRAY_JOB_ID");
  auto task = readings.text("SLURM_ARRAY_TASK_ID");
  if (array.has_value() != task.has_value())
    readings.warn(fmt::format("{} is set, but {} is not; ignored", array ? "SLURM_ARRAY_JOB_ID" : "SLURM_ARRAY_TASK_ID",
                              array ? "SLURM_ARRAY_TASK_ID" : "SLURM_ARRAY_JOB_ID"));
  else if (array && good_job_id(*array) && good_job_id(*task))
    allocation.array = *array + "_" + *task;
  read_hosts(allocation, sources, readings);
  read_tasks(allocation, readings);
  read_cpus(allocation, readings);
  read_gpus(allocation, {"SLURM_STEP_GPUS", "SLURM_JOB_GPUS"}, readings);
  read_memory(allocation, readings);
  read_end(allocation, sources, readings);
}

}  // namespace sublet::launcher
