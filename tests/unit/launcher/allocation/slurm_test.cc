// SPDX-License-Identifier: Apache-2.0
// Environments of Slurm. The whole ones are as sbatch(1) and srun(1) describe them, cut to what is read, with other
// names.
#include <catch2/catch.hpp>

#include "base/strings.h"
#include "launcher/allocation/gpus.h"
#include "samples.h"

namespace sublet::launcher::test {
namespace {

struct Found {
  Allocation allocation;
  std::vector<std::string> warnings;
};

Found find(const Variables& variables, const std::string& hostname = "n2") {
  Found found;
  found.allocation = find_allocation(sources_of(variables, hostname), found.warnings);
  INFO(join(found.warnings, "\n"));
  return found;
}

Variables with(Variables variables, const Variables& more) {
  for (const auto& [name, value] : more) variables[name] = value;
  return variables;
}

// sbatch -N 3 --ntasks-per-node 2 -c 4 --mem 8G, in the batch script (22.05).
const Variables kBatch = {
    {"SLURM_JOB_ID", "4711"},
    {"SLURM_JOBID", "4711"},
    {"SLURM_JOB_NODELIST", "n[1-3]"},
    {"SLURM_NODELIST", "n[1-3]"},
    {"SLURM_JOB_NUM_NODES", "3"},
    {"SLURM_NNODES", "3"},
    {"SLURM_NODEID", "0"},
    {"SLURM_PROCID", "0"},
    {"SLURM_TASKS_PER_NODE", "2(x3)"},
    {"SLURM_JOB_CPUS_PER_NODE", "8(x3)"},
    {"SLURM_CPUS_ON_NODE", "8"},
    {"SLURM_MEM_PER_NODE", "8192"},
    {"SLURMD_NODENAME", "n1"},
    {"SLURM_CPUS_PER_TASK", "4"},
};
// The same job's second step, srun -N 2 -n 3, on its second host (23.02: with the end).
const Variables kStep = with(kBatch, {{"SLURM_STEP_ID", "1"},
                                      {"SLURM_STEPID", "1"},
                                      {"SLURM_STEP_NODELIST", "n[2-3]"},
                                      {"SLURM_STEP_NUM_NODES", "2"},
                                      {"SLURM_STEP_TASKS_PER_NODE", "2,1"},
                                      {"SLURM_NODEID", "1"},
                                      {"SLURM_PROCID", "2"},
                                      {"SLURMD_NODENAME", "n3"},
                                      {"SLURM_JOB_START_TIME", "1799999000"},
                                      {"SLURM_JOB_END_TIME", "1800003600"}});

}  // namespace

TEST_CASE("slurm: a batch script", "[allocation]") {
  const auto [job, warnings] = find(kBatch, "n1.example.org");
  CHECK(warnings.empty());
  CHECK(job.manager == "slurm");
  CHECK(job.id == "4711");
  CHECK(job.step.empty());
  CHECK(job.hosts == std::vector<std::string>{"n1", "n2", "n3"});
  CHECK(job.host_index == 0);
  CHECK(job.tasks == 2);
  CHECK(job.cpus == 8);
  CHECK(job.cpus_by == "SLURM_CPUS_ON_NODE");
  CHECK(job.memory_bytes == std::uint64_t{8} << 30);
  CHECK(job.memory_by == "SLURM_MEM_PER_NODE");
  CHECK_FALSE(job.gpus);
  CHECK_FALSE(job.end);
}

TEST_CASE("slurm: a step goes by its own counts and the job's hosts", "[allocation]") {
  const auto [job, warnings] = find(kStep, "n3");
  CHECK(warnings.empty());
  CHECK(job.step == "1");
  CHECK(job.host_index == 2);
  CHECK(job.tasks == 1);
  CHECK(job.end == 1800003600);
  CHECK(job.end_by == "SLURM_JOB_END_TIME");
}

TEST_CASE("slurm: memory in its forms", "[allocation]") {
  struct Row {
    Variables more;
    std::uint64_t mib;
    std::size_t warnings;
  };
  const std::vector<Row> rows = {
      {{{"SLURM_MEM_PER_NODE", "0"}}, 0, 0},  // all that the host has
      {{{"SLURM_MEM_PER_NODE", "4G"}}, 4096, 0},
      {{{"SLURM_MEM_PER_NODE", "2048M"}}, 2048, 0},
      {{{"SLURM_MEM_PER_NODE", ""}}, 0, 0},
      {{{"SLURM_MEM_PER_NODE", ""}, {"SLURM_MEM_PER_CPU", "100"}}, 800, 0},
      {{{"SLURM_MEM_PER_NODE", ""}, {"SLURM_MEM_PER_GPU", "500"}, {"SLURM_JOB_GPUS", "0,3"}}, 1000, 0},
      {{{"SLURM_MEM_PER_NODE", ""}, {"SLURM_MEM_PER_GPU", "500"}}, 0, 1},
      {{{"SLURM_MEM_PER_NODE", "much"}}, 0, 1},
      {{{"SLURM_MEM_PER_NODE", "-1"}}, 0, 1},
      {{{"SLURM_MEM_PER_NODE", "9223372036854775808"}}, 0, 1},
      {{{"SLURM_MEM_PER_NODE", "G"}}, 0, 1},
  };
  for (const Row& row : rows) {
    const auto [job, warnings] = find(with(kBatch, row.more), "n1");
    INFO(join(warnings, "\n") << row.mib);
    CHECK(job.memory_bytes == row.mib << 20);
    CHECK(warnings.size() == row.warnings);
  }
}

TEST_CASE("slurm: CPUs of this host among many", "[allocation]") {
  Variables variables = with(kBatch, {{"SLURM_JOB_CPUS_PER_NODE", "16(x2),4"}, {"SLURMD_NODENAME", "n3"}});
  variables.erase("SLURM_CPUS_ON_NODE");
  const auto [job, warnings] = find(variables);
  CHECK(job.cpus == 4);
  CHECK(job.cpus_by == "SLURM_JOB_CPUS_PER_NODE");
}

TEST_CASE("slurm: arrays and heterogeneous jobs", "[allocation]") {
  CHECK(find(with(kBatch, {{"SLURM_ARRAY_JOB_ID", "4700"}, {"SLURM_ARRAY_TASK_ID", "11"}})).allocation.array ==
        "4700_11");
  const auto half = find(with(kBatch, {{"SLURM_ARRAY_TASK_ID", "11"}}));
  CHECK(half.allocation.array.empty());
  REQUIRE(half.warnings.size() == 1);
  CHECK(half.warnings[0] == "SLURM_ARRAY_TASK_ID is set, but SLURM_ARRAY_JOB_ID is not; ignored");

  const auto het = find(with(kBatch, {{"SLURM_HET_SIZE", "2"},
                                      {"SLURM_JOB_ID_HET_GROUP_0", "4711"},
                                      {"SLURM_JOB_ID_HET_GROUP_1", "4712"},
                                      {"SLURM_JOB_NODELIST_HET_GROUP_0", "n[1-3]"},
                                      {"SLURM_JOB_NODELIST_HET_GROUP_1", "gpu[01-02]"},
                                      {"SLURMD_NODENAME", "gpu02"}}));
  CHECK(het.warnings.empty());
  CHECK(het.allocation.components == 2);
  CHECK(het.allocation.hosts == std::vector<std::string>{"n1", "n2", "n3", "gpu01", "gpu02"});
  CHECK(het.allocation.host_index == 4);
}

TEST_CASE("slurm: GPUs that are visible, no more than were given", "[allocation]") {
  using Gpus = std::vector<std::string>;
  struct Row {
    Variables more;
    std::optional<Gpus> gpus;
    const char* by;
    std::size_t warnings;
  };
  const std::vector<Row> rows = {
      {{{"SLURM_JOB_GPUS", "2,3"}}, Gpus{"2", "3"}, "SLURM_JOB_GPUS", 0},
      {{{"SLURM_JOB_GPUS", "0-3"}, {"SLURM_STEP_GPUS", "1"}}, Gpus{"1"}, "SLURM_STEP_GPUS", 0},
      // Constrained devices: the program counts from 0.
      {{{"SLURM_JOB_GPUS", "2,3"}, {"CUDA_VISIBLE_DEVICES", "0,1"}}, Gpus{"0", "1"}, "CUDA_VISIBLE_DEVICES", 0},
      {{{"SLURM_JOB_GPUS", "2,3"}, {"CUDA_VISIBLE_DEVICES", "1"}}, Gpus{"1"}, "CUDA_VISIBLE_DEVICES", 0},
      {{{"SLURM_JOB_GPUS", "2"}, {"CUDA_VISIBLE_DEVICES", "0,1,2,3"}}, Gpus{"0"}, "CUDA_VISIBLE_DEVICES", 1},
      {{{"CUDA_VISIBLE_DEVICES", ""}}, Gpus{}, "CUDA_VISIBLE_DEVICES", 0},
      {{{"CUDA_VISIBLE_DEVICES", "NoDevFiles"}}, Gpus{}, "CUDA_VISIBLE_DEVICES", 0},
      {{{"ROCR_VISIBLE_DEVICES", "0,2"}}, Gpus{"0", "2"}, "ROCR_VISIBLE_DEVICES", 0},
      {{{"GPU_DEVICE_ORDINAL", "0"}}, Gpus{"0"}, "GPU_DEVICE_ORDINAL", 0},
      {{{"ZE_AFFINITY_MASK", "0.0,0.1"}}, Gpus{"0.0", "0.1"}, "ZE_AFFINITY_MASK", 0},
      {{{"CUDA_VISIBLE_DEVICES", "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"}},
       Gpus{"GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"},
       "CUDA_VISIBLE_DEVICES",
       0},
      {{{"CUDA_VISIBLE_DEVICES", "0;rm -rf /"}}, std::nullopt, "", 1},
      {{{"SLURM_JOB_GPUS", "gpu:2"}}, std::nullopt, "", 1},
  };
  for (const Row& row : rows) {
    const auto [job, warnings] = find(with(kBatch, row.more), "n1");
    INFO(row.more.begin()->first << " " << row.more.begin()->second << join(warnings, "\n"));
    CHECK(job.gpus == row.gpus);
    CHECK(job.gpus_by == row.by);
    CHECK(warnings.size() == row.warnings);
  }
}

TEST_CASE("slurm: what is malformed is ignored and named with its value", "[allocation]") {
  struct Row {
    Variables more;
    const char* warning;
  };
  const std::vector<Row> rows = {
      {{{"SLURM_JOB_NODELIST", "n[1-999999999]"}},
       "SLURM_JOB_NODELIST is «n[1-999999999]»: more than 65536 entries; ignored"},
      {{{"SLURM_JOB_NODELIST", "n[1-3\x1b[2J"}},
       "SLURM_JOB_NODELIST is «n[1-3\\x1b[2J»: a bracket is not closed; ignored"},
      {{{"SLURM_CPUS_ON_NODE", "0"}}, "SLURM_CPUS_ON_NODE is «0»: not a number of 1 to 65536; ignored"},
      {{{"SLURM_CPUS_ON_NODE", "4294967296"}},
       "SLURM_CPUS_ON_NODE is «4294967296»: not a number of 1 to 65536; ignored"},
      {{{"SLURM_TASKS_PER_NODE", "2(x3"}}, "SLURM_TASKS_PER_NODE is «2(x3»: a bracket is not closed; ignored"},
      {{{"SLURM_STEP_ID", "a b"}}, "SLURM_STEP_ID is «a b»: not the id of a step; ignored"},
      {{{"SLURM_JOB_END_TIME", "1799999999"}}, "SLURM_JOB_END_TIME is «1799999999»: that is over; ignored"},
      {{{"SLURM_JOB_END_TIME", "soon"}},
       "SLURM_JOB_END_TIME is «soon»: not a number of 1 to 9223372036854775807; ignored"},
      {{{"SLURM_JOB_NUM_NODES", "4"}},
       "SLURM_JOB_NODELIST names 3 hosts, but SLURM_JOB_NUM_NODES is 4; going by the list"},
      {{{"SLURMD_NODENAME", "m9"}}, "this host is «m9», which is not among the 3 of SLURM_JOB_NODELIST (n1 …)"},
      {{{"SLURM_HET_SIZE", "1000"}}, "SLURM_HET_SIZE is «1000»: not a number of 1 to 128; ignored"},
  };
  for (const Row& row : rows) {
    const auto [job, warnings] = find(with(kBatch, row.more), "n1");
    CHECK(job.id == "4711");
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0] == row.warning);
  }
}

TEST_CASE("slurm: no limit is no end", "[allocation]") {
  CHECK_FALSE(find(with(kBatch, {{"SLURM_JOB_END_TIME", std::to_string(kNow + 365 * 86400)}})).allocation.end);
}

TEST_CASE("slurm: with nothing but an id there is nothing but an id", "[allocation]") {
  const auto [job, warnings] = find({{"SLURM_JOB_ID", "1"}});
  CHECK(warnings.empty());
  CHECK(job.id == "1");
  CHECK(job.hosts.empty());
  CHECK(job.cpus == 0);
  CHECK(job.memory_bytes == 0);
}

}  // namespace sublet::launcher::test
