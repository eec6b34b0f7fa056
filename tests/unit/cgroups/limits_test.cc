// SPDX-License-Identifier: Apache-2.0
#include "cgroups/limits.h"

#include <catch2/catch.hpp>

#include "tests/unit/cgroups/fake_host.h"

namespace sublet::cgroups {

using test::FakeHost;
using test::kUnifiedMount;

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

TEST_CASE("limits: each the tightest on the way, the weight our own", "[cgroups]") {
  FakeHost host("0::/job/task\n", kUnifiedMount);
  const std::string top = "/sys/fs/cgroup/job/";
  host.file(top + "memory.max", "4096\n");
  host.file(top + "memory.swap.max", "0\n");
  host.file(top + "pids.max", "500\n");
  host.file(top + "task/pids.max", "900\n");
  host.file(top + "cpu.max", "50000 100000\n");
  host.file(top + "task/cpu.max", "max 100000\n");
  host.file(top + "cpu.weight", "7\n");
  host.file(top + "task/cpu.weight", "30\n");
  const Limits limits = read_limits(host.root());
  CHECK(limits.memory == 4096u);
  CHECK(limits.swap == 0u);
  CHECK(limits.tasks == 500u);
  CHECK(limits.cpu_quota == 500'000u);
  CHECK(limits.cpu_weight == 30u);
  CHECK_FALSE(limits.cpus.empty());
  host.file(top + "task/cpu.weight", "100\n");
  CHECK_FALSE(read_limits(host.root()).cpu_weight);
}

TEST_CASE("limits: what cpu.max says", "[cgroups]") {
  struct Row {
    const char* text;
    std::optional<std::uint64_t> expected;
  };
  for (const Row& row : std::vector<Row>{{"max 100000\n", std::nullopt},
                                         {"200000 100000\n", 2'000'000},
                                         {"1000 1000000", 1000},
                                         {"5 0", std::nullopt},
                                         {"5", std::nullopt},
                                         {"18446744073709551615 1", std::nullopt},
                                         {"", std::nullopt}}) {
    INFO(row.text);
    CHECK(quota_of(row.text) == row.expected);
  }
}

}  // namespace sublet::cgroups
