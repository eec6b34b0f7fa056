// SPDX-License-Identifier: Apache-2.0
// "did you mean": pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sublet::launcher {

/// How many letters must be put in, left out, changed or swapped with their neighbour (optimal string alignment).
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that a person who wrote `word` most likely meant, or nothing: at most a third of the letters differ;
/// else one whose last part (after '.' or '_') is word's last part, so "mtu" finds "network.mtu".
[[nodiscard]] std::optional<std::string> suggest(std::string_view word, const std::vector<std::string>& candidates);

/// "; did you mean X?" or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace sublet::launcher
