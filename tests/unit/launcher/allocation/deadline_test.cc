// SPDX-License-Identifier: Apache-2.0
#include "launcher/allocation/deadline.h"

#include <catch2/catch.hpp>

namespace sublet::launcher {

using std::chrono::seconds;

TEST_CASE("deadline: pods are told in time, and the user before that", "[allocation]") {
  struct Row {
    std::int64_t left;
    std::int64_t budget;
    std::int64_t drain;    // before the end
    std::int64_t warning;  // before the end
    std::int64_t given;
  };
  const std::vector<Row> rows = {
      {3600, 30, 35, 335, 30}, {200, 30, 35, 200, 30}, {40, 30, 20, 40, 15}, {12, 30, 6, 12, 3},
      {1, 30, 0, 1, 0},        {0, 30, 0, 0, 0},       {3600, 0, 5, 305, 0}, {3600, 600, 605, 905, 600},
  };
  for (const Row& row : rows) {
    INFO(row.left << " " << row.budget);
    const Schedule planned = schedule(1000, 1000 + row.left, seconds(row.budget));
    CHECK(planned.end - planned.drain == row.drain);
    CHECK(planned.end - planned.warning == row.warning);
    CHECK(planned.budget.count() == row.given);
  }
  CHECK(schedule(1000, 900, seconds(30)).drain == 1000);
}

TEST_CASE("deadline: the earlier of the job's end and the own walltime", "[allocation]") {
  CHECK_FALSE(end_of(std::nullopt, 1000, seconds(0)));
  CHECK(end_of(5000, 1000, seconds(0)) == 5000);
  CHECK(end_of(std::nullopt, 1000, seconds(60)) == 1060);
  CHECK(end_of(5000, 1000, seconds(60)) == 1060);
  CHECK(end_of(1010, 1000, seconds(60)) == 1010);
}

TEST_CASE("deadline: outside of a job nobody kills", "[allocation]") {
  CHECK(kill_delay("slurm") == seconds(30));
  CHECK(kill_delay("flux") == seconds(5));
  CHECK(kill_delay("none") == seconds(0));
}

TEST_CASE("deadline: times for people", "[allocation]") {
  CHECK(time_text(seconds(0)) == "0 s");
  CHECK(time_text(seconds(40)) == "40 s");
  CHECK(time_text(seconds(300)) == "5 min");
  CHECK(time_text(seconds(335)) == "5 min 35 s");
  CHECK(time_text(seconds(7500)) == "2 h 5 min");
  CHECK(time_text(seconds(7200)) == "2 h");
  CHECK(time_text(seconds(-3)) == "0 s");
}

}  // namespace sublet::launcher
