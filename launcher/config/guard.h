// SPDX-License-Identifier: Apache-2.0
// What must never reach toml11 3.7: text on which its recursion overflows the stack, and text that is not UTF-8 (its
// report of such a literal string mixes iterators of two buffers, parse_literal_string in parser.hpp). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "launcher/config/node.h"

namespace sublet::launcher {

struct Guarded {
  Location at;
  std::string what;
};

/// Why the text is refused, and where; nothing for text that toml11 may see.
[[nodiscard]] std::optional<Guarded> refuse_text(std::string_view text);

/// How many bytes the UTF-8 sequence at the start of `text` has; 0 if it is none that is well-formed.
[[nodiscard]] std::size_t utf8_sequence_length(std::string_view text);
/// How many bytes from the start of `text` are well-formed UTF-8 (Unicode 15, table 3-7).
[[nodiscard]] std::size_t valid_utf8_prefix(std::string_view text);

}  // namespace sublet::launcher
