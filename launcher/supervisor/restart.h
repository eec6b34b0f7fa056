// SPDX-License-Identifier: Apache-2.0
// When a service that ended is started again: pure.
#pragma once

#include <chrono>
#include <optional>

namespace sublet::launcher {

/// What the supervisor remembers of a service's ends.
struct RestartHistory {
  int in_a_row = 0;         // ends since it last ran well
  bool ever_ready = false;  // a service that never got ready is given up sooner
};

/// A service that ran this long before it ended starts with a clean slate.
inline constexpr std::chrono::seconds kRanWell{10};
/// Ends in a row, never having been ready, after which a service is given up: something is wrong with it or its
/// configuration, and the user should hear of it while bring-up still waits.
inline constexpr int kMaxFailedStarts = 3;
inline constexpr std::chrono::milliseconds kFirstDelay{50};
inline constexpr std::chrono::milliseconds kLongestDelay{10'000};

/// The delay before the next start, and the history after this end; nothing: give up.
struct RestartDecision {
  RestartHistory history;
  std::optional<std::chrono::milliseconds> delay;
};
[[nodiscard]] RestartDecision decide_restart(RestartHistory before, std::chrono::milliseconds ran_for);

}  // namespace sublet::launcher
