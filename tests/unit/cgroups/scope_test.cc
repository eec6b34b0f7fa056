// SPDX-License-Identifier: Apache-2.0
#include "cgroups/scope.h"

#include <catch2/catch.hpp>

#include "tests/unit/cgroups/fake_bus.h"

namespace sublet::cgroups {
namespace {

using test::FakeBus;
using Mood = FakeBus::Mood;
using Words = std::vector<std::string>;

Words names(const std::vector<UnitProperty>& properties) {
  Words names;
  for (const UnitProperty& property : properties) names.push_back(property.name);
  return names;
}

const Words kAlways = {"Description", "PIDs", "Delegate", "CollectMode", "TimeoutStopUSec"};

}  // namespace

TEST_CASE("scope: the job's limits, as far as the manager has controllers for them", "[cgroups]") {
  Limits limits;
  limits.memory = 1 << 30;
  limits.swap = 0;
  limits.tasks = 500;
  limits.cpu_quota = 1'500'000;
  limits.cpu_weight = 20;
  limits.cpus = {0, 3, 9};
  struct Row {
    Words controllers;
    Words expected;
  };
  for (const Row& row : std::vector<Row>{
           {{"memory"}, {"MemoryMax", "MemorySwapMax"}},
           {{"memory", "pids"}, {"MemoryMax", "MemorySwapMax", "TasksMax"}},
           {{"cpu", "memory"}, {"MemoryMax", "MemorySwapMax", "CPUQuotaPerSecUSec", "CPUWeight"}},
           {{"cpuset", "memory"}, {"MemoryMax", "MemorySwapMax", "AllowedCPUs"}},
       }) {
    Words expected = kAlways;
    expected.insert(expected.end(), row.expected.begin(), row.expected.end());
    CHECK(names(scope_properties(7, limits, row.controllers)) == expected);
  }
  CHECK(names(scope_properties(7, Limits{}, {"cpu", "cpuset", "memory", "pids"})) == kAlways);

  const auto all = scope_properties(7, limits, {"cpu", "cpuset", "memory", "pids"});
  CHECK(all[1] == UnitProperty{"PIDs", std::vector<std::uint32_t>{7}});
  CHECK(all[5] == UnitProperty{"MemoryMax", std::uint64_t{1} << 30});
  CHECK(all.back() == UnitProperty{"AllowedCPUs", std::vector<std::uint8_t>{0b1001, 0b10}});
}

TEST_CASE("scope: its name is a unit's", "[cgroups]") {
  CHECK(scope_name("sublet-slurm-12-a", 5) == "sublet-slurm-12-a-5.scope");
  CHECK(scope_name("sublet-a/b ü", 5) == "sublet-a_b___-5.scope");
}

TEST_CASE("scope: made once its job is done, whichever word comes first", "[cgroups]") {
  for (Mood mood : {Mood::kWilling, Mood::kHasty}) {
    const FakeBus bus(mood);
    const auto properties = scope_properties(7, Limits{}, {"memory"});
    auto made = start_scope(bus.socket(), "a.scope", properties);
    INFO((made ? "" : made.error().what));
    CHECK(made);
    CHECK(bus.unit() == "a.scope");
    CHECK(bus.properties() == static_cast<int>(properties.size()));
  }
}

TEST_CASE("scope: refused, failed or not answered in time, with the reason", "[cgroups]") {
  struct Row {
    Mood mood;
    const char* reason;
  };
  for (const Row& row : {Row{Mood::kRefusing, "not for you"}, Row{Mood::kFailing, "its job ended as \"failed\""},
                         Row{Mood::kSilent, "waiting for its job: Connection timed out"}}) {
    const FakeBus bus(row.mood);
    const auto before = std::chrono::steady_clock::now();
    auto made = start_scope(bus.socket(), "a.scope", {}, std::chrono::milliseconds(300));
    REQUIRE_FALSE(made);
    CHECK(made.error().what == row.reason);
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(2));
  }
  CHECK_FALSE(start_scope("/nonexistent/bus", "a.scope", {}));
}

}  // namespace sublet::cgroups
