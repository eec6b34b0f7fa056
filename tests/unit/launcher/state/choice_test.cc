// SPDX-License-Identifier: Apache-2.0
#include "launcher/state/choice.h"

#include <catch2/catch.hpp>

namespace sublet::launcher {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// As find_state_candidates() would tell it: with less than 512 MiB a directory is not usable.
StateCandidate candidate(const std::string& origin, std::uint64_t free_mib, bool memory = false,
                         std::string unusable = {}) {
  if (unusable.empty() && free_mib < 512) unusable = std::to_string(free_mib) + " MiB free, 512 MiB needed";
  return {.path = origin == "TMPDIR"      ? "/local/tmp"
                  : origin == "state.dir" ? "/asked"
                                          : origin,
          .origin = origin,
          .free_bytes = free_mib * kMiB,
          .memory_backed = memory,
          .usable = {unusable.empty(), unusable}};
}

TEST_CASE("choice: the base by what was asked, then TMPDIR, then space", "[state]") {
  struct Row {
    const char* why;
    std::vector<StateCandidate> candidates;
    std::string origin;  // empty: none will do
  };
  const auto memory = [](std::uint64_t mib) { return candidate("/dev/shm", mib, true); };
  const auto disk = [](std::uint64_t mib) { return candidate("/tmp", mib); };
  const std::vector<Row> rows = {
      {"asked beats all", {candidate("state.dir", 600), candidate("TMPDIR", 9000), disk(9000)}, "state.dir"},
      {"asked but unusable is an error", {candidate("state.dir", 9000, false, "NFS"), disk(9000)}, ""},
      {"asked but full is an error", {candidate("state.dir", 10), disk(9000)}, ""},
      {"TMPDIR beats the rest", {candidate("TMPDIR", 600), memory(9000), disk(9000)}, "TMPDIR"},
      {"a remote TMPDIR is passed over", {candidate("TMPDIR", 9000, false, "NFS"), memory(9000), disk(9000)}, "/tmp"},
      {"a full TMPDIR is passed over", {candidate("TMPDIR", 100), memory(9000), disk(9000)}, "/tmp"},
      {"a roomy disk beats roomier memory", {memory(90000), disk(2048)}, "/tmp"},
      {"roomy memory beats a tight disk", {memory(2048), disk(2047)}, "/dev/shm"},
      {"nothing roomy: the most space", {memory(600), disk(700)}, "/tmp"},
      {"nothing roomy: the most space, memory too", {memory(800), disk(700)}, "/dev/shm"},
      {"the most space is not the unusable one", {candidate("/dev/shm", 9000, true, "noexec"), disk(700)}, "/tmp"},
      {"too little anywhere", {memory(100), disk(511)}, ""},
      {"none", {}, ""},
  };
  for (const Row& row : rows) {
    INFO(row.why);
    const auto chosen = choose_state_base(row.candidates);
    CHECK(chosen.has_value() == !row.origin.empty());
    if (chosen) CHECK(chosen->origin == row.origin);
  }
}

TEST_CASE("choice: the refusal names every candidate with its reason and the way out", "[state]") {
  const auto chosen =
      choose_state_base({candidate("TMPDIR", 9000, false, "on a network file system (NFS)"), candidate("/tmp", 100)});
  REQUIRE_FALSE(chosen);
  CHECK(chosen.error().exit == ExitCode::kPrerequisite);
  for (const char* part :
       {"/local/tmp (TMPDIR): on a network file system (NFS)", "/tmp (/tmp): 100 MiB free, 512 MiB needed"})
    CHECK_THAT(chosen.error().what, Catch::Contains(part));
  CHECK_THAT(chosen.error().hint, Catch::Contains("state.dir"));
}

TEST_CASE("choice: the refusal of the one asked for says why, and names no other", "[state]") {
  const auto chosen = choose_state_base({candidate("state.dir", 9000, false, "on NFS"), candidate("/tmp", 9000)});
  REQUIRE_FALSE(chosen);
  CHECK(chosen.error().exit == ExitCode::kPrerequisite);
  CHECK(chosen.error().what == "state.dir /asked can't hold a cluster's state: on NFS");
}

TEST_CASE("choice: directory names, both ways", "[state]") {
  struct Row {
    Allocation job;
    std::string name;
    std::string directory;
  };
  for (const Row& row :
       {Row{{"none", ""}, "default", "local-default"}, Row{{"none", ""}, "my-second-one", "local-my-second-one"},
        Row{{"slurm", "12345"}, "default", "slurm-12345-default"},
        Row{{"slurm", "12345_7"}, "a-b", "slurm-12345_7-a-b"},
        Row{{"flux", "ƒ2WVs5cjF"}, "default", "flux-f2WVs5cjF-default"},
        Row{{"pbs", "77[3].server"}, "x", "pbs-77=5b3=5d.server-x"},
        Row{{"lsf", "a-b/../c"}, "x", "lsf-a=2db=2f..=2fc-x"}}) {
    const ClusterId id = cluster_id(row.job, row.name);
    CHECK(directory_name(id) == row.directory);
    CHECK(parse_directory_name(row.directory) == id);
  }
  for (const char* bad : {"", "-", "local", "local-", "slurm-1", "slurm-1-", "slurm--x", "-1-x", "lost+found", "."})
    CHECK_FALSE(parse_directory_name(bad));
}

TEST_CASE("choice: a very long job id is cut, and two that differ late still differ", "[state]") {
  const std::string stem(100, 'j');
  const ClusterId one = cluster_id({"pbs", stem + "1"}, "x");
  const ClusterId two = cluster_id({"pbs", stem + "2"}, "x");
  CHECK(one.job.size() == 40);
  CHECK(one.job != two.job);
}

TEST_CASE("choice: the user's directory", "[state]") {
  CHECK(user_directory("/tmp", 1001) == "/tmp/sublet-1001");
  CHECK(user_directory("/", 4294967294) == "/sublet-4294967294");
}

TEST_CASE("choice: sockets must fit into 108 bytes", "[state]") {
  CHECK(check_path_length(std::string(75, 'x')));
  const auto long_one = check_path_length(std::string(76, 'x'));
  REQUIRE_FALSE(long_one);
  CHECK_THAT(long_one.error().what, Catch::Contains("76 bytes long") && Catch::Contains("allow 75"));
  CHECK_THAT(long_one.error().hint, Catch::Contains("state.dir"));
  // The longest name on the usual bases.
  CHECK(check_path_length("/dev/shm/sublet-4294967294/slurm-1234567890-" + std::string(31, 'n')));
}

}  // namespace
}  // namespace sublet::launcher
