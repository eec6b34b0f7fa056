// SPDX-License-Identifier: Apache-2.0
#include "launcher/supervisor/restart.h"

#include <catch2/catch.hpp>

using namespace sublet::launcher;
using std::chrono::milliseconds;

TEST_CASE("restart: a service that never got ready is given up after three starts", "[supervisor]") {
  RestartHistory history;
  for (int start = 1; start < kMaxFailedStarts; ++start) {
    auto decision = decide_restart(history, milliseconds(5));
    REQUIRE(decision.delay);
    history = decision.history;
  }
  CHECK_FALSE(decide_restart(history, milliseconds(5)).delay);
}

TEST_CASE("restart: delays double up to the longest", "[supervisor]") {
  RestartHistory history{0, true};
  milliseconds before{0};
  for (int end = 1; end <= 20; ++end) {
    auto decision = decide_restart(history, milliseconds(5));
    REQUIRE(decision.delay);
    INFO("end " << end);
    if (end == 1) CHECK(*decision.delay == kFirstDelay);
    if (end > 1 && before < kLongestDelay) CHECK(*decision.delay == std::min(before * 2, kLongestDelay));
    CHECK(*decision.delay <= kLongestDelay);
    before = *decision.delay;
    history = decision.history;
  }
  CHECK(before == kLongestDelay);
}

TEST_CASE("restart: one that ran well starts with a clean slate", "[supervisor]") {
  auto decision = decide_restart({9, true}, kRanWell);
  CHECK(decision.history.in_a_row == 1);
  CHECK(decision.delay == kFirstDelay);
  CHECK(decide_restart({9, true}, kRanWell - milliseconds(1)).history.in_a_row == 10);
}
