// SPDX-License-Identifier: Apache-2.0
// What a person sees while a cluster comes up: on a terminal one line that lives per phase, in a job's log plain lines.
// Everything goes to standard error; standard output is for results.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sublet::launcher {

class Progress {
 public:
  enum class Style { kQuiet, kPlain, kTerminal };
  /// kTerminal if standard error is one (and TERM is not "dumb"), else kPlain; kQuiet if asked.
  [[nodiscard]] static Style style_for(bool quiet);
  explicit Progress(Style style) : style_(style) {}

  void begin(const std::string& phase);
  void end(const std::string& phase, std::int64_t took_ms);
  /// A line that stays: a warning, what was lost, where the API is.
  void say(const std::string& line);
  /// Redraws the living lines with the time they have taken; call it now and then.
  void tick(std::int64_t now_ms);
  /// Leaves the living lines as they are: something else is going to be written.
  void finish();

 private:
  struct Phase {
    std::string name;
    std::int64_t since_ms;
  };
  void erase();
  void draw(std::int64_t now_ms);

  Style style_;
  std::vector<Phase> open_;
  std::size_t drawn_ = 0;  // living lines on the screen
  std::int64_t now_ms_ = 0;
};

}  // namespace sublet::launcher
