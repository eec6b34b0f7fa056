// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/guard.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "launcher/config/toml.h"

namespace sublet::launcher {
namespace {

// toml11 parses, and its tables go away, by recursion. Nothing of ours nests deeper than six.
constexpr int kMaxDepth = 32;
constexpr int kMaxDotsOfLine = 64;

/// Jumps over the string that starts at `at`; the end of the text if nothing closes it.
std::size_t after_string(std::string_view text, std::size_t at) {
  std::string_view mark = text.substr(at, 1);
  if (text.substr(at, 3) == std::string(3, mark[0])) mark = text.substr(at, 3);
  for (at += mark.size(); at < text.size(); ++at) {
    if (text[at] == '\\' && mark[0] == '"') {
      ++at;
    } else if (text.substr(at, mark.size()) == mark) {
      return at + mark.size();
    } else if (text[at] == '\n' && mark.size() == 1) {
      return at;  // an error that toml11 will name
    }
  }
  return text.size();
}

/// Where the text nests deeper than toml11's recursion may go, or nothing.
std::optional<std::size_t> too_deep(std::string_view text) {
  int depth = 0;
  int dots = 0;
  for (std::size_t at = 0; at < text.size();) {
    char c = text[at];
    if (c == '"' || c == '\'') {
      at = after_string(text, at);
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (c == '.') ++dots;
    if (depth > kMaxDepth || dots > kMaxDotsOfLine) return at;
    if (c == '\n') dots = 0;
    ++at;
  }
  return std::nullopt;
}

Location location_at(std::string_view text, std::size_t at) {
  std::size_t start = at == 0 ? 0 : text.rfind('\n', at - 1);
  start = start == std::string_view::npos ? 0 : at == 0 ? 0 : start + 1;
  // Cut: a line of which the error is that it is broken may be of any length.
  std::string line(text.substr(start, std::min(text.find('\n', at), at + 40) - start));
  auto line_number = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  return {static_cast<unsigned>(line_number), static_cast<unsigned>(at - start + 1), 1, line};
}

}  // namespace

std::size_t utf8_sequence_length(std::string_view text) {
  auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  auto tail = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf && tail(1)) return 2;
  if (first >= 0xe0 && first <= 0xef && tail(1) && tail(2)) {
    bool overlong = first == 0xe0 && byte(1) < 0xa0;
    bool surrogate = first == 0xed && byte(1) >= 0xa0;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xf0 && first <= 0xf4 && tail(1) && tail(2) && tail(3)) {
    bool overlong = first == 0xf0 && byte(1) < 0x90;
    bool beyond = first == 0xf4 && byte(1) >= 0x90;
    return overlong || beyond ? 0 : 4;
  }
  return 0;
}

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t length = utf8_sequence_length(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

std::optional<Guarded> refuse_text(std::string_view text) {
  if (text.size() > kMaxConfigBytes) return Guarded{{}, fmt::format("longer than {}", human_bytes(kMaxConfigBytes))};
  if (text.find('\0') != std::string_view::npos) return Guarded{{}, "not a text file (it has a NUL byte)"};
  std::size_t valid = valid_utf8_prefix(text);
  if (valid < text.size()) return Guarded{location_at(text, valid), "not UTF-8"};
  if (std::optional<std::size_t> at = too_deep(text)) return Guarded{location_at(text, *at), "nested too deep"};
  return std::nullopt;
}

}  // namespace sublet::launcher
