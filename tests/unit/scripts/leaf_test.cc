// SPDX-License-Identifier: Apache-2.0
#include "scripts/hooks/slurm/leaf.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

namespace {

std::string parent_of(const std::string& membership) {
  char parent[256] = "";
  return leaf_parent(membership.c_str(), parent, sizeof parent) == 0 ? parent : "none";
}

}  // namespace

TEST_CASE("leaf: beside a task of Slurm's cgroup/v2, and nowhere else") {
  const std::string scope = "/system.slice/site_slurmstepd.scope";
  struct Row {
    std::string membership, parent;
  };
  const Row rows[] = {
      {"0::" + scope + "/job_7/step_0/user/task_0\n", scope + "/job_7/step_0/user"},
      {"0::" + scope + "/job_7/step_batch/user/task_0", scope + "/job_7/step_batch/user"},
      {"0::" + scope + "/job_7/step_interactive/user/task_12\n", scope + "/job_7/step_interactive/user"},
      // hybrid: the unified line is the one that counts
      {"4:memory:/slurm/job_7/step_0/task_0\n0::" + scope + "/job_7/step_0/user/task_0\n",
       scope + "/job_7/step_0/user"},
      // v1 alone, or no cgroup of a task's
      {"4:memory:/slurm/uid_1/job_7/step_0/user/task_0\n", "none"},
      {"0::/\n", "none"},
      {"0::/system.slice/slurmd.service\n", "none"},
      {"0::" + scope + "/job_7/step_0/slurm\n", "none"},
      // before Slurm has moved the process to its task, and extern steps
      {"0::" + scope + "/job_7/step_0/user/task_special\n", scope + "/job_7/step_0/user"},
      {"0::" + scope + "/job_7/step_0/task_0\n", "none"},
      {"0::" + scope + "/job_7/user/task_0\n", "none"},
      {"0::/user/task_0\n", "none"},
      {"0::task_0\n", "none"},
      {"", "none"},
      {"nonsense", "none"},
      {"0::/" + std::string(300, 'x') + "/job_7/step_0/user/task_0\n", "none"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.membership);
    CHECK(parent_of(row.membership) == row.parent);
  }
}

TEST_CASE("leaf: only a cgroup2 is touched") {
  std::string name = (std::filesystem::temp_directory_path() / "leaf-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()));
  std::filesystem::create_directory(name + "/sublet");
  CHECK(leaf_make(name.c_str(), 1000, 1000) != nullptr);
  CHECK(errno == ENOTSUP);
  CHECK(leaf_remove(name.c_str(), 0) != nullptr);
  CHECK(errno == ENOTSUP);
  CHECK(std::filesystem::exists(name + "/sublet"));
  std::filesystem::remove_all(name);
  // A step that is gone has no leaf.
  CHECK(leaf_remove(name.c_str(), 0) == nullptr);
}
