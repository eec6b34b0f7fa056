// SPDX-License-Identifier: Apache-2.0
#include "launcher/allocation/hostlist.h"

#include <algorithm>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

constexpr std::size_t kLongestName = 255;  // HOST_NAME_MAX of POSIX, and DNS'
constexpr std::size_t kMostDigits = 18;    // fits into 64 bits
constexpr std::size_t kLongestText = std::size_t{1} << 20;

bool is_host_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

struct Range {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::size_t width = 0;
};

Result<std::uint64_t> number(std::string_view text) {
  if (text.size() > kMostDigits) return fail("a number is too long");
  auto value = parse_int<std::uint64_t>(text);
  if (!value) return fail("a range is not of numbers");
  return *value;
}

// "1-3" or "7"
Result<Range> parse_range(std::string_view text, std::size_t most) {
  const std::size_t dash = text.find('-');
  const std::string_view low = text.substr(0, dash);
  Range range;
  range.first = TRY(number(low));
  range.width = low.size();
  const std::uint64_t last = dash == std::string_view::npos ? range.first : TRY(number(text.substr(dash + 1)));
  if (last < range.first) return fail("a range goes backwards");
  range.count = last - range.first + 1;
  if (range.count > most) return fail("more than " + std::to_string(most) + " entries");
  return range;
}

Result<std::vector<Range>> parse_ranges(std::string_view text, std::size_t most) {
  std::vector<Range> ranges;
  std::size_t total = 0;
  for (const std::string& part : split(text, ',')) {
    ranges.push_back(TRY(parse_range(part, most)));
    total += ranges.back().count;
    if (total > most) return fail("more than " + std::to_string(most) + " entries");
  }
  if (ranges.empty()) return fail("empty brackets");
  return ranges;
}

std::string padded(std::uint64_t value, std::size_t width) {
  std::string digits = std::to_string(value);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

// Every name so far with every number of the brackets behind it.
Result<void> append_numbers(std::vector<std::string>& names, std::string_view brackets, std::size_t most) {
  const std::vector<Range> ranges = TRY(parse_ranges(brackets, most));
  std::size_t numbers = 0;
  for (const Range& range : ranges) numbers += range.count;
  if (numbers > most / names.size()) return fail("more than " + std::to_string(most) + " hosts");
  std::vector<std::string> longer;
  longer.reserve(names.size() * numbers);
  for (const std::string& name : names)
    for (const Range& range : ranges)
      for (std::uint64_t i = 0; i < range.count; ++i) longer.push_back(name + padded(range.first + i, range.width));
  names = std::move(longer);
  return {};
}

// One entry of the list: text and brackets by turns.
Result<std::vector<std::string>> expand_entry(std::string_view entry, std::size_t most) {
  std::vector<std::string> names(1);
  while (!entry.empty()) {
    if (entry[0] == '[') {
      const std::size_t end = entry.find(']');
      if (end == std::string_view::npos) return fail("a bracket is not closed");
      TRY(append_numbers(names, entry.substr(1, end - 1), most));
      entry.remove_prefix(end + 1);
      continue;
    }
    const std::string_view text = entry.substr(0, entry.find('['));
    if (!std::all_of(text.begin(), text.end(), is_host_char)) return fail("a character that no host name has");
    for (std::string& name : names) name += text;
    entry.remove_prefix(text.size());
  }
  if (names.front().empty()) return fail("an empty name");
  for (const std::string& name : names)
    if (name.size() > kLongestName) return fail("a name is too long");
  return names;
}

}  // namespace

Result<std::vector<std::string>> expand_hostlist(std::string_view text, std::size_t most) {
  if (text.empty()) return fail("an empty list");
  if (text.size() > kLongestText) return fail("a list of more than 1 MiB");
  std::vector<std::string> hosts;
  while (true) {
    // Up to the next comma outside brackets.
    std::size_t end = 0;
    for (bool inside = false; end < text.size() && (inside || text[end] != ','); ++end)
      inside = text[end] == '[' || (inside && text[end] != ']');
    std::vector<std::string> names = TRY(expand_entry(text.substr(0, end), most - hosts.size()));
    if (names.size() > most - hosts.size()) return fail("more than " + std::to_string(most) + " hosts");
    std::move(names.begin(), names.end(), std::back_inserter(hosts));
    if (end == text.size()) return hosts;
    if (hosts.size() == most) return fail("more than " + std::to_string(most) + " hosts");
    text.remove_prefix(end + 1);
  }
}

Result<std::vector<std::uint32_t>> expand_idset(std::string_view text, std::size_t most) {
  if (text.size() > kLongestText) return fail("a list of more than 1 MiB");
  std::vector<std::uint32_t> ids;
  for (const Range& range : TRY(parse_ranges(text, most)))
    for (std::uint64_t i = 0; i < range.count; ++i) {
      if (range.first + i > UINT32_MAX) return fail("an id is too large");
      ids.push_back(static_cast<std::uint32_t>(range.first + i));
    }
  return ids;
}

Result<std::vector<std::uint32_t>> expand_counts(std::string_view text, std::size_t most) {
  if (text.size() > kLongestText) return fail("a list of more than 1 MiB");
  std::vector<std::uint32_t> counts;
  for (const std::string& part : split(text, ',')) {
    const std::size_t open = part.find("(x");
    auto value = parse_int<std::uint32_t>(std::string_view(part).substr(0, open));
    std::optional<std::size_t> times = 1;
    if (open != std::string::npos) {
      if (!part.ends_with(')')) return fail("a bracket is not closed");
      times = parse_int<std::size_t>(std::string_view(part).substr(open + 2, part.size() - open - 3));
    }
    if (!value || !times || *times == 0) return fail("not of the form 2(x3),1");
    if (*times > most - counts.size()) return fail("more than " + std::to_string(most) + " entries");
    counts.insert(counts.end(), *times, *value);
  }
  if (counts.empty()) return fail("an empty list");
  return counts;
}

bool same_host(std::string_view one, std::string_view other) {
  if (one == other) return !one.empty();
  const std::size_t dot = one.find('.');
  const std::size_t other_dot = other.find('.');
  if (dot != std::string_view::npos && other_dot != std::string_view::npos) return false;
  return !one.empty() && one.substr(0, dot) == other.substr(0, other_dot);
}

}  // namespace sublet::launcher
