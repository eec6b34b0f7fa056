// SPDX-License-Identifier: Apache-2.0
// TOML text → Node. The only door to toml11, which throws.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "launcher/config/node.h"

namespace sublet::launcher {

inline constexpr std::size_t kMaxConfigBytes = std::size_t{256} << 10;

/// The document's root table. The error names file, line and column and shows the line with a caret (exit kUsage).
[[nodiscard]] Result<Node> parse_toml(std::string_view text, const std::string& file_name);
/// One value as it stands to the right of "=" in a file, without places.
[[nodiscard]] Result<Node> parse_toml_value(std::string_view text);

}  // namespace sublet::launcher
