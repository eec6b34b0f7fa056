// SPDX-License-Identifier: Apache-2.0
#include "cgroups/probe.h"

#include <catch2/catch.hpp>

#include "tests/unit/cgroups/fake_host.h"

namespace sublet::cgroups {

using test::FakeHost;
using test::kUnifiedMount;

namespace {

Trial delegated() {
  Trial trial;
  trial.is_delegated = [](const std::string&) { return true; };
  return trial;
}

}  // namespace

TEST_CASE("leaf: inside our own cgroup where it is delegated, and nothing is left behind", "[cgroups]") {
  FakeHost host("0::/user/scope\n", kUnifiedMount);
  host.cgroup("/sys/fs/cgroup/user/scope", "cpu hugetlb memory pids");
  Leaf leaf = probe_leaf(host.root(), Insist::kOff, delegated());
  CHECK(leaf.kind == LeafKind::kInside);
  CHECK(leaf.usable);
  CHECK(leaf.reason.empty());
  CHECK(leaf.layout == Layout::kUnified);
  CHECK(leaf.parent == host.root() + "/sys/fs/cgroup/user/scope");
  CHECK(leaf.controllers == std::vector<std::string>{"cpu", "memory", "pids"});
  // rmdir succeeds only if the three files are all there is: so the probe's child is gone.
  for (const char* file : {"cgroup.procs", "cgroup.subtree_control", "cgroup.controllers"})
    CHECK(::unlink((leaf.parent + "/" + file).c_str()) == 0);
  CHECK(::rmdir(leaf.parent.c_str()) == 0);
}

TEST_CASE("leaf: beside the task's cgroup where a hook made one", "[cgroups]") {
  FakeHost host("0::/job/user/task_0\n", kUnifiedMount);
  host.cgroup("/sys/fs/cgroup/job/user/task_0", "cpu memory");
  host.cgroup("/sys/fs/cgroup/job/user", "cpu memory");
  host.cgroup("/sys/fs/cgroup/job/user/sublet", "cpu memory");
  Leaf leaf = probe_leaf(host.root());
  CHECK(leaf.usable);
  CHECK(leaf.kind == LeafKind::kBeside);
  CHECK(leaf.parent == host.root() + "/sys/fs/cgroup/job/user/sublet");
  // Of one write the last is left in a plain file: all is taken back.
  CHECK(*fs::read_file(leaf.parent + "/cgroup.subtree_control") == "-cpuory");
}

TEST_CASE("leaf: a hook's, at a cgroup further up", "[cgroups]") {
  FakeHost host("0::/job/step/user/task_0\n", kUnifiedMount);
  host.cgroup("/sys/fs/cgroup/job/step/user/task_0", "memory");
  host.cgroup("/sys/fs/cgroup/job", "memory");
  host.cgroup("/sys/fs/cgroup/job/sublet", "memory");
  CHECK(probe_leaf(host.root()).parent == host.root() + "/sys/fs/cgroup/job/sublet");
}

TEST_CASE("leaf: a controller that is listed but refused is named; without memory it is of no use", "[cgroups]") {
  FakeHost host("0::/job/task_0\n", kUnifiedMount);
  host.cgroup("/sys/fs/cgroup/job/task_0", "");
  host.cgroup("/sys/fs/cgroup/job", "");
  host.cgroup("/sys/fs/cgroup/job/sublet", "cpu memory pids");
  auto refusing = [](const std::string& what) {
    Trial trial;
    trial.write = [what](const std::string& path, const std::string& text) -> Result<void> {
      if (text == "+" + what) return fail_errno("write " + path, EINVAL);
      return {};
    };
    return trial;
  };
  Leaf leaf = probe_leaf(host.root(), Insist::kOff, refusing("cpu"));
  CHECK(leaf.usable);
  CHECK(leaf.controllers == std::vector<std::string>{"memory", "pids"});
  const std::string why = "write " + host.root() + "/sys/fs/cgroup/job/sublet/cgroup.subtree_control: Invalid argument";
  CHECK(leaf.refused == std::vector<std::string>{"cpu: " + why});
  leaf = probe_leaf(host.root(), Insist::kOff, refusing("memory"));
  CHECK_FALSE(leaf.usable);
  CHECK(leaf.reason.starts_with("the memory controller is listed, but not to be had: memory: " + why));
}

TEST_CASE("leaf: our own cgroup is divided only if it is ours to divide", "[cgroups]") {
  struct Row {
    const char* name;
    const char* cgroup;
    const char* procs;
    bool marked;
    Insist insist;
    const char* reason;  // its end; nullptr: usable
  };
  const std::vector<Row> rows = {
      {"marked, we alone", "/u/s", "77\n", true, Insist::kOff, nullptr},
      {"not marked", "/u/s", "77\n", false, Insist::kOff, "is not marked as delegated (systemd: Delegate=yes)"},
      {"not marked, but told to", "/u/s", "77\n", false, Insist::kOn, nullptr},
      {"another one in it", "/u/s", "77\n4\n", true, Insist::kOff, "and would have to move"},
      {"another one in it, but told to", "/u/s", "77\n4\n", true, Insist::kOn, nullptr},
      {"the top of what a container sees", "/", "77\n", false, Insist::kOff, nullptr},
      {"a task of Slurm's", "/slurmstepd.scope/job_1/step_0/user/task_0", "77\n", true, Insist::kOn,
       "is a task of Slurm's, which ends only what is not in cgroups below it"},
      {"a task of an older Slurm's", "/n1_slurmstepd.scope/job_1/step_0/user/task_0", "77\n", true, Insist::kOn,
       "is a task of Slurm's, which ends only what is not in cgroups below it"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    FakeHost host(std::string("0::") + row.cgroup + "\n", kUnifiedMount);
    const std::string own = std::string("/sys/fs/cgroup") + (std::string(row.cgroup) == "/" ? "" : row.cgroup);
    host.cgroup(own, "memory");
    host.file(own + "/cgroup.procs", row.procs);
    Trial trial;
    trial.is_delegated = [&](const std::string&) { return row.marked; };
    trial.self = 77;
    const Leaf leaf = probe_leaf(host.root(), row.insist, trial);
    CHECK(leaf.usable == (row.reason == nullptr));
    if (row.reason != nullptr) CHECK_THAT(leaf.reason, Catch::EndsWith(row.reason));
  }
}

TEST_CASE("leaf: each reason why not", "[cgroups]") {
  SECTION("no cgroup v2") {
    FakeHost host("3:memory:/job\n", "40 30 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    Leaf leaf = probe_leaf(host.root());
    CHECK_FALSE(leaf.usable);
    CHECK(leaf.layout == Layout::kV1);
    CHECK(leaf.reason == "no cgroup v2 is mounted");
  }
  SECTION("hybrid: the controllers are on v1") {
    FakeHost host("3:memory:/job\n0::/\n",
                  "40 30 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                  "42 30 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    host.cgroup("/sys/fs/cgroup/unified", "");
    Leaf leaf = probe_leaf(host.root());
    CHECK_FALSE(leaf.usable);
    CHECK(leaf.layout == Layout::kHybrid);
    CHECK(leaf.reason ==
          host.root() +
              "/sys/fs/cgroup/unified/cgroup.controllers lists no memory controller (hybrid: cgroup v1 has it)");
  }
  SECTION("the directory is ours, its cgroup.procs is not: what Slurm gives a task") {
    FakeHost host("0::/task_0\n", kUnifiedMount);
    host.file("/sys/fs/cgroup/task_0/cgroup.controllers", "cpu memory\n");
    Leaf leaf = probe_leaf(host.root());
    CHECK_FALSE(leaf.usable);
    CHECK(leaf.reason == "write " + host.root() + "/sys/fs/cgroup/task_0/cgroup.procs: No such file or directory");
  }
  SECTION("our cgroup is outside of our cgroup namespace") {
    FakeHost host("0::/../other\n", kUnifiedMount);
    CHECK(probe_leaf(host.root()).reason == "our own cgroup is not visible");
  }
  SECTION("nothing at all") {
    FakeHost host("", "");
    CHECK(probe_leaf(host.root()).layout == Layout::kNone);
  }
}

}  // namespace sublet::cgroups
