// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/suggest.h"

#include <algorithm>

namespace sublet::launcher {
namespace {

// No name of ours is longer; a word that is gets no suggestion, and costs no time.
constexpr std::size_t kLongestWord = 64;

std::string_view last_part(std::string_view word) {
  std::size_t at = word.find_last_of("._");
  return at == std::string_view::npos ? word : word.substr(at + 1);
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t changed = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, changed});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

std::optional<std::string> suggest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kLongestWord) return std::nullopt;
  const std::string* best = nullptr;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    std::size_t distance = edit_distance(word, candidate);
    // Of two as near, the one with the same first letter: that is seldom mistyped.
    bool nearer = distance < least || (distance == least && best != nullptr && best->front() != word.front() &&
                                       candidate.front() == word.front());
    if (nearer && distance < candidate.size()) {
      least = distance;
      best = &candidate;
    }
  }
  if (best != nullptr && least <= 2) return *best;
  for (const std::string& candidate : candidates) {
    if (last_part(word).size() > 1 && last_part(candidate) == last_part(word)) return candidate;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  std::optional<std::string> best = suggest(word, candidates);
  return best ? "; did you mean " + *best + "?" : "";
}

}  // namespace sublet::launcher
