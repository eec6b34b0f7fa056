// SPDX-License-Identifier: Apache-2.0
// What took how long on the way up: spans on named rows, as a value; text, JSON and picture are made from it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

struct Span {
  std::string name;  // a phase ("node ready") or a service ("etcd")
  bool service = false;
  std::int64_t begin_ms = 0;           // since the program's start
  std::optional<std::int64_t> end_ms;  // phases: done; services: ready
};

class Timeline {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Timeline(Clock::time_point start = Clock::now()) : start_(start) {}

  void begin(const std::string& name, bool service = false);
  /// Ends the youngest open span of that name; without one, nothing.
  void end(const std::string& name);
  [[nodiscard]] std::int64_t now_ms() const;
  [[nodiscard]] const std::vector<Span>& spans() const { return spans_; }
  /// The phases that have begun and not ended.
  [[nodiscard]] std::vector<std::string> open_phases() const;

 private:
  Clock::time_point start_;
  std::vector<Span> spans_;
};

[[nodiscard]] std::string timeline_as_json(const std::vector<Span>& spans);
[[nodiscard]] Result<std::vector<Span>> timeline_from_json(std::string_view text);
/// A table with a bar per span, `width` columns for the bars.
[[nodiscard]] std::string timeline_as_text(const std::vector<Span>& spans, int width = 48);
[[nodiscard]] std::string timeline_as_svg(const std::vector<Span>& spans, std::string_view title);

}  // namespace sublet::launcher
