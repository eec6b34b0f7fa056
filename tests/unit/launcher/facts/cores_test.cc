// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/cores.h"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

using namespace sublet;
using namespace sublet::launcher;

TEST_CASE("cores: only what is bound within ours is claimed", "[cores]") {
  struct Row {
    std::vector<CpuList> masks;
    CpuList ours;
    CpuList claimed;
  };
  const Row rows[] = {
      {{}, {0, 1, 2, 3}, {}},
      {{{0, 1, 2, 3}}, {0, 1, 2, 3}, {}},                // as wide as ours: bound to nothing
      {{{0}, {2}, {0, 1, 2, 3}}, {0, 1, 2, 3}, {0, 2}},  // ranks
      {{{4}, {3, 4}, {}}, {0, 1, 2, 3}, {}},             // another job's
      {{{0}, {1}}, {0, 1}, {0, 1}},                      // all
  };
  for (const Row& row : rows) CHECK(claimed_cpus(row.masks, row.ours) == row.claimed);
}

TEST_CASE("cores: a thread that is bound is found", "[cores]") {
  const CpuList ours = *affinity_of();
  std::thread bound([&] {
    REQUIRE(set_affinity({ours.back()}));
    const auto masks = thread_masks("/proc", ::getuid());
    CHECK(std::ranges::count(masks, CpuList{ours.back()}) == 1);
    CHECK(thread_masks("/proc", ::getuid(), 0).empty());
  });
  bound.join();
  CHECK(thread_masks("/nowhere", ::getuid()).empty());
}

TEST_CASE("cores: who has confined himself still sees what he may have", "[cores]") {
  const CpuList ours = *affinity_of();
  std::thread([&] {
    REQUIRE(set_affinity({ours.back()}));
    CHECK(still_allowed(ours) == ours);
    CHECK(*affinity_of() == CpuList{ours.back()});
    // What no cpuset has, and where there is nothing else, what was asked for.
    CpuList more = ours;
    more.push_back(kMostCpus - 1);
    CHECK(still_allowed(more) == ours);
    CHECK(still_allowed({kMostCpus - 1}) == CpuList{kMostCpus - 1});
  }).join();
}
