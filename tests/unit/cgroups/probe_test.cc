// SPDX-License-Identifier: Apache-2.0
#include "cgroups/probe.h"

#include <catch2/catch.hpp>

#include "base/fs.h"
#include "base/strings.h"

namespace sublet::cgroups {
namespace {

constexpr const char* kUnifiedMount =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

// A tree of plain files that looks like a host's.
class FakeHost {
 public:
  FakeHost(const std::string& membership, const std::string& mountinfo) {
    file("/proc/self/cgroup", membership);
    file("/proc/self/mountinfo", mountinfo);
  }
  void file(const std::string& path, const std::string& text) {
    std::string full = directory_.path() + path;
    REQUIRE(fs::make_directories(full.substr(0, full.rfind('/'))));
    REQUIRE(fs::write_file(full, text));
  }
  // A cgroup whose files we may write.
  void cgroup(const std::string& path, const std::string& controllers) {
    file(path + "/cgroup.procs", "");
    file(path + "/cgroup.subtree_control", "");
    file(path + "/cgroup.controllers", controllers + "\n");
  }
  [[nodiscard]] const std::string& root() const { return directory_.path(); }

 private:
  fs::ScopedTempDir directory_ = *fs::ScopedTempDir::create();
};

}  // namespace

TEST_CASE("membership: v1 controllers by name, v2 by the zero line", "[cgroups]") {
  Membership m = parse_membership("9:name=systemd:/\n4:cpu,cpuacct:/a:b\n3:memory:/job\n0::/x/y\nbroken\n");
  CHECK(m.unified == "/x/y");
  CHECK(m.v1 == std::map<std::string, std::string>{{"cpu", "/a:b"}, {"cpuacct", "/a:b"}, {"memory", "/job"}});
  CHECK_FALSE(parse_membership("3:memory:/job\n").unified);
}

TEST_CASE("mounts: only cgroup ones, with controllers and escapes undone", "[cgroups]") {
  auto mounts = parse_mounts(
      "21 1 0:5 / /proc rw - proc proc rw\n"
      "40 30 0:33 /docker/ab /sys/fs/cg\\040roup/memory rw,relatime master:3 - cgroup cgroup rw,memory\n"
      "41 30 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
      "42 30 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  REQUIRE(mounts.size() == 3);
  CHECK(mounts[0].target == "/sys/fs/cg roup/memory");
  CHECK(mounts[0].root == "/docker/ab");
  CHECK(mounts[0].controllers == std::vector<std::string>{"memory"});
  CHECK(mounts[1].controllers.empty());
  CHECK(mounts[2].unified);
}

TEST_CASE("directory_of: by what the mount shows", "[cgroups]") {
  struct Row {
    const char* root;
    const char* cgroup;
    const char* expected;
  };
  for (const Row& row : std::vector<Row>{{"/", "/", "/cg"},
                                         {"/", "/a/b", "/cg/a/b"},
                                         {"/a", "/a", "/cg"},
                                         {"/a", "/a/b", "/cg/b"},
                                         {"/a", "/ab", nullptr},
                                         {"/a", "/", nullptr},
                                         {"/", "/../x", nullptr}}) {
    INFO(row.root << " " << row.cgroup);
    auto found = directory_of(Mount{row.root, "/cg", true, {}}, row.cgroup);
    CHECK(found == (row.expected ? std::optional<std::string>(row.expected) : std::nullopt));
  }
}

TEST_CASE("leaf: inside our own cgroup where it is delegated, and nothing is left behind", "[cgroups]") {
  FakeHost host("0::/user/scope\n", kUnifiedMount);
  host.cgroup("/sys/fs/cgroup/user/scope", "cpu memory pids");
  Leaf leaf = probe_leaf(host.root());
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
  CHECK(leaf.parent == host.root() + "/sys/fs/cgroup/job/user/sublet");
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

TEST_CASE("memory limit: the tightest on the whole path", "[cgroups]") {
  SECTION("v2, tightest in the middle") {
    FakeHost host("0::/job/step/task\n", kUnifiedMount);
    host.file("/sys/fs/cgroup/job/memory.max", "4096000\n");
    host.file("/sys/fs/cgroup/job/step/memory.max", "2048000\n");
    host.file("/sys/fs/cgroup/job/step/task/memory.max", "max\n");
    CHECK(memory_limit(host.root()) == 2048000u);
  }
  SECTION("v1, and the number that means none") {
    FakeHost host("4:memory:/job/x\n", "40 30 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    host.file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    CHECK_FALSE(memory_limit(host.root()));
    host.file("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "777\n");
    host.file("/sys/fs/cgroup/memory/job/x/memory.limit_in_bytes", "888\n");
    CHECK(memory_limit(host.root()) == 777u);
  }
  SECTION("v1 in a container: the host's path is not to be seen, the top is") {
    FakeHost host("4:memory:/docker/ab\n",
                  "40 30 0:33 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup ro,memory\n");
    host.file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n");
    CHECK(memory_limit(host.root()) == 1000u);
  }
  SECTION("none") {
    FakeHost host("0::/\n", kUnifiedMount);
    CHECK_FALSE(memory_limit(host.root()));
  }
}

}  // namespace sublet::cgroups
