// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace sublet::launcher {
namespace {

void put(const std::string& text) { fmt::print(stderr, "{}", text); }

}  // namespace

Progress::Style Progress::style_for(bool quiet) {
  if (quiet) return Style::kQuiet;
  const char* term = std::getenv("TERM");
  bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return ::isatty(STDERR_FILENO) == 1 && !dumb ? Style::kTerminal : Style::kPlain;
}

void Progress::erase() {
  // Up over what was drawn, clearing each line (ECMA-48 CUU, EL).
  for (; drawn_ > 0; --drawn_) put("\033[1A\033[2K");
}

void Progress::draw(std::int64_t now_ms) {
  if (style_ != Style::kTerminal) return;
  for (const Phase& phase : open_)
    put(fmt::format("  \033[33m…\033[0m {:<28} {:>5.1f} s\n", phase.name,
                    static_cast<double>(now_ms - phase.since_ms) / 1000));
  drawn_ = open_.size();
}

void Progress::begin(const std::string& phase) {
  open_.push_back({phase, now_ms_});
  erase();
  draw(now_ms_);
}

void Progress::end(const std::string& phase, std::int64_t took_ms) {
  std::erase_if(open_, [&](const Phase& open) { return open.name == phase; });
  erase();
  double seconds = static_cast<double>(took_ms) / 1000;
  if (style_ == Style::kTerminal) put(fmt::format("  \033[32m✓\033[0m {:<28} {:>5.1f} s\n", phase, seconds));
  if (style_ == Style::kPlain) put(fmt::format("sublet: {} ({:.1f} s)\n", phase, seconds));
  draw(now_ms_);
}

void Progress::say(const std::string& line) {
  erase();
  if (style_ != Style::kQuiet) put(fmt::format("sublet: {}\n", line));
  draw(now_ms_);
}

void Progress::tick(std::int64_t now_ms) {
  now_ms_ = now_ms;
  if (style_ != Style::kTerminal || open_.empty()) return;
  erase();
  draw(now_ms);
}

void Progress::finish() {
  erase();
  open_.clear();
}

}  // namespace sublet::launcher
