// SPDX-License-Identifier: Apache-2.0
#include "launcher/supervisor/restart.h"

#include <algorithm>

namespace sublet::launcher {

RestartDecision decide_restart(RestartHistory before, std::chrono::milliseconds ran_for) {
  RestartHistory after = before;
  after.in_a_row = before.ever_ready && ran_for >= kRanWell ? 1 : before.in_a_row + 1;
  if (!after.ever_ready && after.in_a_row >= kMaxFailedStarts) return {after, std::nullopt};
  // 50, 100, 200, … ms: the first restart is quick, as most ends are a one-off.
  constexpr int kDoublings = 8;
  auto delay = kFirstDelay * (1 << std::min(after.in_a_row - 1, kDoublings));
  return {after, std::min(std::chrono::milliseconds(delay), kLongestDelay)};
}

}  // namespace sublet::launcher
