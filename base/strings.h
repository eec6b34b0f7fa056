// SPDX-License-Identifier: Apache-2.0
// Pure helpers on text.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sublet {

/// The whole of `text` as a decimal integer, or nothing: no sign for unsigned types, no blanks, no overflow.
template <std::integral T>
[[nodiscard]] std::optional<T> parse_int(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The parts of `text` between `separator`s; empty parts are kept. Empty text has no parts.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
/// The words of `text` between blanks and tabs; never an empty one.
[[nodiscard]] std::vector<std::string> words(std::string_view text);
/// The lines of `text`; a last newline does not start a further line.
[[nodiscard]] std::vector<std::string> lines(std::string_view text);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);
[[nodiscard]] std::string_view trim(std::string_view text);
/// "512 MiB", "1.4 GiB": for people.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
/// The last `count` lines of `text`.
[[nodiscard]] std::vector<std::string> last_lines(std::string_view text, std::size_t count);

}  // namespace sublet
