// SPDX-License-Identifier: Apache-2.0
#include "launcher/allocation/share.h"

#include <catch2/catch.hpp>

namespace sublet::launcher {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

HostLimits host() { return {{0, 1, 2, 3, 4, 5, 6, 7}, 8, 64 * kGiB, std::nullopt}; }

}  // namespace

TEST_CASE("share: without bounds it is the machine", "[allocation]") {
  const Share share = share_of(host(), {});
  CHECK(share.cpu_count() == 8);
  CHECK(share.cpus_by == "the machine");
  CHECK(share.memory_bytes == 64 * kGiB);
  CHECK(share.memory_by == "the machine");
  CHECK_FALSE(share.gpus);
}

TEST_CASE("share: of CPUs, the fewest that somebody says", "[allocation]") {
  struct Row {
    std::vector<std::uint32_t> allowed;
    std::uint32_t given;
    std::vector<std::uint32_t> expected;
    const char* by;
  };
  const std::vector<Row> rows = {
      {{2, 3}, 0, {2, 3}, "the CPUs that we may run on"},
      {{2, 3}, 16, {2, 3}, "the CPUs that we may run on"},
      {{0, 1, 2, 3, 4, 5, 6, 7}, 8, {0, 1, 2, 3, 4, 5, 6, 7}, "the machine"},
      {{0, 1, 2, 3, 4, 5, 6, 7}, 3, {0, 1, 2}, "SLURM_CPUS_ON_NODE"},
      {{4, 6}, 1, {4}, "SLURM_CPUS_ON_NODE"},
      {{}, 0, {0}, "the CPUs that we may run on"},
  };
  for (const Row& row : rows) {
    HostLimits limits = host();
    limits.cpus = row.allowed;
    Allocation allocation;
    allocation.cpus = row.given;
    allocation.cpus_by = "SLURM_CPUS_ON_NODE";
    const Share share = share_of(limits, allocation);
    CHECK(share.cpus == row.expected);
    CHECK(share.cpus_by == row.by);
  }
}

TEST_CASE("share: of memory, the tightest that somebody says", "[allocation]") {
  struct Row {
    std::optional<std::uint64_t> limit;
    std::uint64_t given;
    std::uint64_t expected;
    const char* by;
  };
  const std::vector<Row> rows = {
      {4 * kGiB, 0, 4 * kGiB, "the cgroup's limit"},        {4 * kGiB, 8 * kGiB, 4 * kGiB, "the cgroup's limit"},
      {4 * kGiB, 2 * kGiB, 2 * kGiB, "SLURM_MEM_PER_NODE"}, {std::nullopt, 2 * kGiB, 2 * kGiB, "SLURM_MEM_PER_NODE"},
      {std::nullopt, 512 * kGiB, 64 * kGiB, "the machine"}, {512 * kGiB, 0, 64 * kGiB, "the machine"},
      {4 * kGiB + 5, 0, 4 * kGiB, "the cgroup's limit"},
  };
  for (const Row& row : rows) {
    HostLimits limits = host();
    limits.memory_limit = row.limit;
    Allocation allocation;
    allocation.memory_bytes = row.given;
    allocation.memory_by = "SLURM_MEM_PER_NODE";
    const Share share = share_of(limits, allocation);
    CHECK(share.memory_bytes == row.expected);
    CHECK(share.memory_by == row.by);
    CHECK(share.memory_by_cgroup == (std::string_view(row.by) == "the cgroup's limit"));
  }
}

TEST_CASE("share: CPUs are alike or not, memory within a hundredth", "[allocation]") {
  const Share before = share_of(host(), {});
  struct Row {
    CpuList cpus;
    std::uint64_t memory;
    bool alike;
  };
  for (const Row& row :
       {Row{before.cpus, 64 * kGiB, true}, Row{before.cpus, 64 * kGiB - kGiB / 2, true},
        Row{before.cpus, 64 * kGiB + kGiB / 2, true}, Row{before.cpus, 63 * kGiB, false},
        Row{before.cpus, 65 * kGiB, false}, Row{before.cpus, 0, false}, Row{{0, 1, 2, 3, 4, 5, 6}, 64 * kGiB, false},
        Row{{1, 2, 3, 4, 5, 6, 7, 8}, 64 * kGiB, false}}) {
    CAPTURE(row.cpus, row.memory);
    Share now = before;
    now.cpus = row.cpus;
    now.memory_bytes = row.memory;
    CHECK(alike(before, now) == row.alike);
    CHECK(alike(now, before) == row.alike);
  }
  CHECK(alike({}, {}));
}

}  // namespace sublet::launcher
