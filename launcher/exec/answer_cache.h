// SPDX-License-Identifier: Apache-2.0
// What a name server said a moment ago, for programs that look the same up again and again: for a second, or less if
// the answer itself says so. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sublet::launcher {

class AnswerCache {
 public:
  using Clock = std::chrono::steady_clock;
  /// Short enough for one that waits for a name to appear.
  static constexpr std::chrono::seconds kLongest{1};

  /// Failures, answers that are cut short and those that may not be kept are not kept.
  void keep(const std::string& key, std::string_view message, Clock::time_point now);
  /// Its records live for less than they did by as long as it may have been kept: nobody downstream has it for longer
  /// than its zone says. Borrowed until the next call.
  [[nodiscard]] const std::string* find(const std::string& key, Clock::time_point now) const;
  void clear() { kept_.clear(); }

 private:
  struct Kept {
    std::string message;
    Clock::time_point until;
  };
  std::unordered_map<std::string, Kept> kept_;
};

}  // namespace sublet::launcher
