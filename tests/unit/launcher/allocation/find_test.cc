// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "base/fs.h"
#include "base/strings.h"
#include "launcher/allocation/inquiry.h"
#include "launcher/allocation/readings.h"
#include "samples.h"

namespace sublet::launcher::test {

TEST_CASE("allocation: by the variables of workload managers", "[allocation]") {
  struct Row {
    const char* what;
    Variables variables;
    const char* manager;
    const char* id;
    std::size_t warnings;
  };
  const std::vector<Row> rows = {
      {"none", {}, "none", "", 0},
      {"slurm", {{"SLURM_JOB_ID", "4711"}}, "slurm", "4711", 0},
      {"pbs array", {{"PBS_JOBID", "12[3].server-1.example"}}, "pbs", "12[3].server-1.example", 0},
      {"lsf", {{"LSB_JOBID", "9"}}, "lsf", "9", 0},
      {"flux in slurm", {{"SLURM_JOB_ID", "4711"}, {"FLUX_JOB_ID", "\xC6\x92uAsjAo"}}, "flux", "\xC6\x92uAsjAo", 0},
      {"flux in plain ASCII", {{"FLUX_JOB_ID", "fuAsjAo"}}, "flux", "fuAsjAo", 0},
      {"flux batch script", {{"FLUX_URI", "local:///run/user/1000/flux-d4cRzg/local-0"}}, "flux", "flux-d4cRzg", 0},
      {"the system's flux", {{"FLUX_URI", "local:///run/flux/local"}}, "none", "", 0},
      {"flux from afar", {{"FLUX_URI", "ssh://host/run/user/1/flux-x/local-0"}}, "none", "", 0},
      {"no uri", {{"FLUX_URI", "local://"}}, "none", "", 0},
      {"empty", {{"SLURM_JOB_ID", ""}}, "none", "", 0},
      {"a path", {{"SLURM_JOB_ID", "../../etc"}}, "none", "", 1},
      {"dots", {{"SLURM_JOB_ID", ".."}}, "none", "", 1},
      {"a slash inside", {{"SLURM_JOB_ID", "1/2"}}, "none", "", 1},
      {"a newline", {{"SLURM_JOB_ID", "1\n2"}}, "none", "", 1},
      {"endless", {{"SLURM_JOB_ID", std::string(129, '1')}}, "none", "", 1},
      {"odd, then good", {{"SLURM_JOB_ID", "$(x)"}, {"PBS_JOBID", "5.s"}}, "pbs", "5.s", 1},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    std::vector<std::string> warnings;
    const Allocation job = find_allocation(sources_of(row.variables, "n1"), warnings);
    CHECK(job.manager == row.manager);
    CHECK(job.id == row.id);
    CHECK(warnings.size() == row.warnings);
  }
}

TEST_CASE("pbs: hosts and tasks by the node file", "[allocation]") {
  // qsub -l select=2:ncpus=4:mpiprocs=2, on the second host.
  std::vector<std::string> warnings;
  Allocation job =
      find_allocation(sources_of({{"PBS_JOBID", "77.pbs"}, {"PBS_NODEFILE", "/n"}, {"NCPUS", "4"}}, "n2",
                                 {{"/n", "n1.example.org\nn1.example.org\nn2.example.org\nn2.example.org\n"}}),
                      warnings);
  CHECK(warnings.empty());
  CHECK(job.hosts == std::vector<std::string>{"n1.example.org", "n2.example.org"});
  CHECK(job.host_index == 1);
  CHECK(job.tasks == 2);
  CHECK(job.cpus == 4);
  CHECK(job.cpus_by == "NCPUS");

  // Torque: qsub -l nodes=1:ppn=8:gpus=2,walltime=1:00:00
  job = find_allocation(sources_of({{"PBS_JOBID", "12[3].t"},
                                    {"PBS_NODEFILE", "/n"},
                                    {"PBS_GPUFILE", "/g"},
                                    {"PBS_NUM_PPN", "8"},
                                    {"PBS_NUM_NODES", "1"},
                                    {"PBS_WALLTIME", "3600"}},
                                   "n1", {{"/n", "n1\nn1\n"}, {"/g", "n1-gpu0\nn1-gpu1\nn2-gpu0\n"}}),
                        warnings);
  CHECK(warnings.empty());
  CHECK(job.array == "12[3].t");
  CHECK(job.cpus == 8);
  CHECK(job.gpus == std::vector<std::string>{"0", "1"});
  CHECK(job.end == kNow + 3500);  // the file is 100 s old
  CHECK(job.end_by == "PBS_WALLTIME");
}

TEST_CASE("lsf: hosts and slots in each of its forms", "[allocation]") {
  struct Row {
    Variables more;
    std::uint32_t tasks;
    std::uint32_t cpus;
    std::size_t warnings;
  };
  const std::vector<Row> rows = {
      {{{"LSB_MCPU_HOSTS", "n1 2 n2 4 "}, {"LSB_DJOB_NUMPROC", "6"}}, 4, 4, 0},
      {{{"LSB_HOSTS", "n1 n1 n2 n2 n2 n2"}}, 4, 4, 0},
      {{{"LSB_DJOB_HOSTFILE", "/h"}}, 3, 3, 0},
      {{{"LSB_MCPU_HOSTS", "n1 2 n2 4"}, {"LSB_BIND_CPU_LIST", "0,1"}}, 4, 0, 0},
      {{{"LSB_MCPU_HOSTS", "n1 2 n2 4"}, {"LSB_DJOB_NUMPROC", "7"}}, 4, 4, 1},
      {{{"LSB_MCPU_HOSTS", "n1 2 n2"}, {"LSB_HOSTS", "n1 n2"}}, 1, 1, 1},
      {{{"LSB_MCPU_HOSTS", "n1 x n2 4"}}, 0, 0, 1},
      {{{"LSB_DJOB_HOSTFILE", "/nowhere"}}, 0, 0, 1},
      {{{"LSB_HOSTS", "a b"}}, 0, 0, 1},
  };
  for (const Row& row : rows) {
    Variables variables = row.more;
    variables["LSB_JOBID"] = "9";
    variables["LSB_JOBINDEX"] = "3";
    std::vector<std::string> warnings;
    const Allocation job = find_allocation(sources_of(variables, "n2", {{"/h", "n1\nn2\nn2\nn2\n"}}), warnings);
    INFO(row.more.begin()->second << "\n" << join(warnings, "\n"));
    CHECK(job.array == "9_3");
    CHECK(job.tasks == row.tasks);
    CHECK(job.cpus == row.cpus);
    CHECK(warnings.size() == row.warnings);
  }
}

TEST_CASE("allocation: no bytes in any variable or file crash it", "[allocation]") {
  constexpr std::array kNames = {"SLURM_JOB_NODELIST",
                                 "SLURM_TASKS_PER_NODE",
                                 "SLURM_STEP_TASKS_PER_NODE",
                                 "SLURM_CPUS_ON_NODE",
                                 "SLURM_JOB_CPUS_PER_NODE",
                                 "SLURM_MEM_PER_NODE",
                                 "SLURM_MEM_PER_CPU",
                                 "SLURM_NODEID",
                                 "SLURM_STEP_ID",
                                 "SLURM_HET_SIZE",
                                 "SLURM_JOB_NODELIST_HET_GROUP_0",
                                 "SLURM_JOB_END_TIME",
                                 "SLURM_JOB_GPUS",
                                 "SLURMD_NODENAME",
                                 "SLURM_JOB_NUM_NODES",
                                 "CUDA_VISIBLE_DEVICES",
                                 "PBS_NODEFILE",
                                 "PBS_GPUFILE",
                                 "PBS_WALLTIME",
                                 "NCPUS",
                                 "LSB_MCPU_HOSTS",
                                 "LSB_HOSTS",
                                 "LSB_DJOB_HOSTFILE",
                                 "LSB_DJOB_NUMPROC",
                                 "FLUX_JOB_SIZE",
                                 "FLUX_JOB_NNODES"};
  constexpr std::string_view kPieces = "n[]1-0,9(x)G \n\x1b\xff\xc6\x92.:{}\"eE+";
  std::mt19937 random(7);
  auto pick = [&](std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random); };
  auto text = [&] {
    std::string made;
    for (std::size_t length = pick(24); length > 0; --length) made += kPieces[pick(kPieces.size())];
    return made;
  };
  std::size_t warned = 0;
  for (int round = 0; round < 3000; ++round) {
    Variables variables;
    variables[std::array{"SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "FLUX_JOB_ID"}[pick(4)]] = "1";
    for (const char* name : kNames)
      if (pick(2) == 0) variables[name] = text();
    for (const char* name : {"PBS_NODEFILE", "PBS_GPUFILE", "LSB_DJOB_HOSTFILE"}) variables[name] = "/f";
    std::vector<std::string> warnings;
    const Allocation job = find_allocation(sources_of(variables, "n1", {{"/f", text() + "\n" + text()}}), warnings);
    CHECK(job.hosts.size() <= 65536);
    for (const std::string& warning : warnings)
      if (warning.find_first_of("\n\x1b") != std::string::npos) FAIL(warning);
    warned += warnings.size();
    Allocation answered = job;
    std::vector<std::string> more;
    for (Inquiry::Kind kind : {Inquiry::Kind::kSqueue, Inquiry::Kind::kFluxResources})
      (void)apply_answer(kind, text(), "n1", kNow, answered, more);
  }
  CHECK(warned > 3000);
}

TEST_CASE("node file: neither a pipe nor a directory is waited for", "[allocation]") {
  auto dir = fs::ScopedTempDir::create();
  REQUIRE(dir);
  REQUIRE(::mkfifo((dir->path() + "/pipe").c_str(), 0600) == 0);
  CHECK_FALSE(read_node_file(dir->path() + "/pipe"));
  CHECK_FALSE(read_node_file(dir->path()));
  CHECK_FALSE(read_node_file(dir->path() + "/nothing"));
  REQUIRE(fs::write_file(dir->path() + "/file", "n1\n"));
  CHECK(read_node_file(dir->path() + "/file")->text == "n1\n");
}

TEST_CASE("values: are shown without what a terminal would obey", "[allocation]") {
  CHECK(shown("plain 1") == "«plain 1»");
  CHECK(shown("a\x1b[2J\n\\") == "«a\\x1b[2J\\x0a\\x5c»");
  CHECK(shown(std::string(100, 'x')) == "«" + std::string(80, 'x') + "…»");
}

}  // namespace sublet::launcher::test
