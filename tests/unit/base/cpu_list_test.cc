// SPDX-License-Identifier: Apache-2.0
#include "base/cpu_list.h"

#include <catch2/catch.hpp>
#include <thread>

#include "base/process.h"

using namespace sublet;

TEST_CASE("cpu lists: read and written", "[cpu_list]") {
  struct Row {
    const char* text;
    CpuList cpus;
    const char* written;
  };
  const Row rows[] = {
      {"", {}, ""},
      {"0", {0}, "0"},
      {"0-3,8\n", {0, 1, 2, 3, 8}, "0-3,8"},
      {"8, 3-4 ,2,3", {2, 3, 4, 8}, "2-4,8"},
      {"1,2", {1, 2}, "1-2"},
      {"16383", {16383}, "16383"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    auto cpus = parse_cpu_list(row.text);
    REQUIRE(cpus);
    CHECK(*cpus == row.cpus);
    CHECK(to_text(*cpus) == row.written);
  }
}

TEST_CASE("cpu lists: what is none names the part that is wrong", "[cpu_list]") {
  for (const char* text : {"x", "1-", "-1", "3-2", "0,,1", "16384", "0-99999999999999999999", "1 2", "0x1", "1-2-3"}) {
    INFO(text);
    CHECK_FALSE(parse_cpu_list(text));
  }
  CHECK_THAT(parse_cpu_list("0-1,7-5").error().what, Catch::Contains("\"7-5\""));
}

TEST_CASE("cpu lists: differences and masks", "[cpu_list]") {
  CHECK(without({0, 1, 2, 3}, {1, 3, 9}) == CpuList{0, 2});
  CHECK(is_subset({1, 3}, {0, 1, 2, 3}));
  CHECK_FALSE(is_subset({1, 4}, {0, 1, 2, 3}));
  CHECK(to_mask({}) == std::vector<unsigned long>{0});
  CHECK(to_mask({0, 2, 64}) == std::vector<unsigned long>{5, 1});
}

TEST_CASE("cpu lists: a thread is confined, and so is a child where it is said", "[cpu_list]") {
  const CpuList ours = *affinity_of();
  REQUIRE_FALSE(ours.empty());
  std::thread([&] {
    REQUIRE(set_affinity({ours.back()}));
    CHECK(*affinity_of() == CpuList{ours.back()});
  }).join();
  CHECK(*affinity_of() == ours);
  CHECK_FALSE(set_affinity({kMostCpus - 1}));

  Command command;
  command.argv = {"/bin/sh", "-c", "grep Cpus_allowed_list: /proc/self/status; nice; cat /proc/self/timerslack_ns"};
  command.cpus = {ours.front()};
  command.nicer = 3;
  command.timer_slack = std::chrono::microseconds(70);
  auto output = run(command, 10000);
  REQUIRE(output);
  CHECK(output->out == "Cpus_allowed_list:\t" + std::to_string(ours.front()) + "\n3\n70000\n");
}
