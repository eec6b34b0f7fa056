// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/host.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <map>

#include "launcher/facts/subids.h"

namespace sublet::launcher {
namespace {

using Variables = std::map<std::string, std::string>;

GetEnv env_of(Variables variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    auto found = variables.find(name);
    return found != variables.end() ? std::optional(found->second) : std::nullopt;
  };
}

}  // namespace

TEST_CASE("node name: a host's name made valid", "[facts]") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"node17", "node17"},
      {"NODE-A.Example.ORG", "node-a.example.org"},
      {"gpu_node_3", "gpu-node-3"},
      {"_x_", "x"},
      {"-a-.-b-.c", "a.b.c"},
      {"a..b.", "a.b"},
      {"näme", "n--me"},
      {"", "node"},
      {"...", "node"},
      {"__", "node"},
      {std::string(80, 'a'), std::string(63, 'a')},
      {std::string(62, 'a') + ".b", std::string(62, 'a')},
  };
  for (const auto& [hostname, expected] : rows) {
    INFO(hostname);
    CHECK(node_name_of(hostname) == expected);
  }
}

TEST_CASE("account: of the effective user, with the home that HOME says", "[facts]") {
  Account account = find_account(env_of({{"HOME", "/somewhere"}}));
  CHECK(account.uid == ::geteuid());
  CHECK(account.gid == ::getegid());
  CHECK_FALSE(account.user.empty());
  CHECK(account.home == "/somewhere");
  CHECK(find_account(env_of({{"HOME", "relative"}})).home.starts_with("/"));
}

TEST_CASE("memory: MemTotal in bytes", "[facts]") {
  CHECK(memory_total("MemTotal:       24683656 kB\nMemFree: 1 kB\n") == 24683656ull * 1024);
  CHECK(memory_total("MemFree: 1 kB\n") == 0);
  CHECK(memory_total("MemTotal: x kB\n") == 0);
}

TEST_CASE("limits: at least the CPU that this runs on, and some memory", "[facts]") {
  const HostLimits limits = host_limits();
  CHECK_FALSE(limits.cpus.empty());
  CHECK(limits.machine_cpus >= limits.cpus.size());
  CHECK(limits.machine_memory > 0);
}

TEST_CASE("user namespace: the switch that forbids it is named", "[facts]") {
  auto with = [](const std::string& name, std::uint64_t value) {
    return explain_user_namespace("failed", [=](const std::string& asked) -> std::optional<std::uint64_t> {
      return asked == name ? std::optional(value) : std::nullopt;
    });
  };
  CHECK(with("user/max_user_namespaces", 0) == "failed (user.max_user_namespaces is 0)");
  CHECK(with("user/max_user_namespaces", 5) == "failed");
  CHECK(with("kernel/unprivileged_userns_clone", 0) == "failed (kernel.unprivileged_userns_clone is 0)");
  CHECK(with("kernel/apparmor_restrict_unprivileged_userns", 1) ==
        "failed (kernel.apparmor_restrict_unprivileged_userns is 1)");
  CHECK(with("nothing", 0) == "failed");
}

TEST_CASE("subordinate range: as wide as libsubid's numbers, made ids", "[facts]") {
  struct Row {
    unsigned long start;
    unsigned long count;
    IdRange expected;
    std::size_t warnings;
  };
  const std::vector<Row> rows = {
      {100000, 65536, {100000, 65536}, 0},
      {4294901759ul, 65536, {4294901759u, 65536}, 0},
      {4294901760ul, 65536, {4294901760u, 65535}, 1},
      {4294967294ul, 1, {4294967294u, 1}, 0},
      {4294967295ul, 1, {0, 0}, 1},
      {1ul << 40, 65536, {0, 0}, 1},
      {100000, 1ul << 40, {100000, 4294867295u}, 1},
      {100000, ~0ul, {100000, 4294867295u}, 1},
  };
  for (const Row& row : rows) {
    INFO(row.start << ":" << row.count);
    std::vector<std::string> warnings;
    IdRange range = checked_range(row.start, row.count, warnings);
    CHECK(range.start == row.expected.start);
    CHECK(range.count == row.expected.count);
    CHECK(warnings.size() == row.warnings);
  }
}

}  // namespace sublet::launcher
