// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <toml.hpp>

#include "base/strings.h"
#include "launcher/config/guard.h"

namespace sublet::launcher {
namespace {

using Value = toml::basic_value<toml::discard_comments, std::map, std::vector>;

Location location_of(const Value& value) {
  toml::source_location at = value.location();
  return {at.line(), at.column(), at.region(), at.line_str()};
}

/// toml11 keeps no place for keys: the last time that `key` stands to the left of its value; else, as for a table, in
/// the header, which is what toml11 calls the place of the value; else that place.
Location location_of_key(const std::string& key, const Location& value) {
  std::string_view line = value.text;
  std::size_t start = std::min<std::size_t>(value.column == 0 ? 0 : value.column - 1, line.size());
  std::size_t at = line.substr(0, start).rfind(key);
  if (at == std::string::npos) at = line.substr(0, start + value.width).rfind(key);
  if (key.empty() || at == std::string::npos) return value;
  return {value.line, static_cast<unsigned>(at + 1), static_cast<unsigned>(key.size()), value.text};
}

Node node_of(const Value& value) {
  Node node;
  if (value.is_string()) node = Node::of_text(value.as_string().str);
  if (value.is_integer()) node = Node::of_integer(value.as_integer());
  if (value.is_boolean()) node = Node::of_boolean(value.as_boolean());
  if (value.is_floating()) node.text = "a number with a fraction";
  if (value.is_offset_datetime() || value.is_local_datetime() || value.is_local_date()) node.text = "a date";
  if (value.is_local_time()) node.text = "a time of day";
  if (!node.text.empty() && !value.is_string()) node.type = Node::Type::kOther;
  if (value.is_array()) {
    node = Node::of_array();
    for (const Value& item : value.as_array()) node.items.push_back(node_of(item));
  }
  node.value_at = location_of(value);
  node.key_at = node.value_at;
  if (value.is_table()) {
    for (const auto& [key, member] : value.as_table()) {
      node.members.emplace_back(key, node_of(member));
      Node& added = node.members.back().second;
      added.key_at = location_of_key(key, added.value_at);
    }
    std::stable_sort(node.members.begin(), node.members.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second.value_at.line, a.second.value_at.column) <
             std::pair(b.second.value_at.line, b.second.value_at.column);
    });
  }
  return node;
}

/// What toml11 prints of a syntax error, taken apart: its exceptions carry the place only in this text.
///   [error] toml::parse_table: invalid line format
///    --> FILE
///      |
///    1 | a = 1 b = 2
///      |       ^--- expected newline, but got 'b'.
struct SyntaxError {
  std::string what = "not valid TOML";
  std::string note;
  Location at;
};

SyntaxError take_apart(const std::string& report) {
  SyntaxError error;
  std::vector<std::string> text = lines(report);
  if (!text.empty() && text[0].starts_with("[error] ")) {
    error.what = text[0].substr(8);
    std::size_t name_end = error.what.find(": ");  // "toml::function: "
    if (error.what.find(' ') > name_end && name_end != std::string::npos) error.what.erase(0, name_end + 2);
  }
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {  // the last place is where it went wrong
    std::size_t bar = text[i].find(" | ");
    if (bar == std::string::npos || text[i + 1].size() <= bar + 3) continue;
    std::optional<unsigned> line = parse_int<unsigned>(trim(std::string_view(text[i]).substr(0, bar)));
    std::size_t mark = text[i + 1].find_first_of("^~", bar + 3);
    if (!line || mark == std::string::npos || text[i + 1].find_first_not_of(' ') != bar + 1) continue;
    std::size_t mark_end = std::min(text[i + 1].find_first_not_of("^~-", mark), text[i + 1].size());
    std::size_t width = text[i + 1][mark] == '~' ? mark_end - mark : 1;
    error.at = {*line, static_cast<unsigned>(mark - bar - 2), static_cast<unsigned>(width), text[i].substr(bar + 3)};
    error.note = trim(std::string_view(text[i + 1]).substr(mark_end));
  }
  if (error.note == "here") error.note.clear();
  return error;
}

void forget_places(Node& node) {
  node.value_at = node.key_at = {};
  for (Node& item : node.items) forget_places(item);
  for (auto& [key, member] : node.members) forget_places(member);
}

}  // namespace

Result<Node> parse_toml(std::string_view text, const std::string& file_name) {
  if (std::optional<Guarded> refused = refuse_text(text)) {
    return fail(diagnostic(file_name, refused->at, refused->what), {}, ExitCode::kUsage);
  }
  try {
    std::istringstream stream{std::string(text)};
    return node_of(toml::parse<toml::discard_comments, std::map, std::vector>(stream, file_name));
  } catch (const std::exception& thrown) {
    SyntaxError error = take_apart(thrown.what());
    return fail(diagnostic(file_name, error.at, error.what, error.note), {}, ExitCode::kUsage);
  }
}

Result<Node> parse_toml_value(std::string_view text) {
  Result<Node> document = parse_toml("value = " + std::string(text) + "\n", "value");
  if (!document) {
    std::string what = document.error().what;  // without the place, which means nothing to the user
    what = what.substr(0, what.find('\n'));
    std::size_t place_end = what.find(": ");
    return fail("not a TOML value: " + (place_end == std::string::npos ? what : what.substr(place_end + 2)), {},
                ExitCode::kUsage);
  }
  if (document->members.size() != 1) return fail("not a single TOML value", {}, ExitCode::kUsage);
  Node value = std::move(document->members[0].second);
  forget_places(value);
  return value;
}

}  // namespace sublet::launcher
