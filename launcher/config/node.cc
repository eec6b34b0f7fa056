// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/node.h"

#include <fmt/format.h>

#include <algorithm>

namespace sublet::launcher {
namespace {

bool is_bare_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// The line as a terminal may see it: a hostile file must not send escape sequences.
std::string printable(std::string_view line) {
  std::string shown(line);
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return is_control(c) && c != '\t'; }, '?');
  return shown;
}

/// Blanks as wide as the first `bytes` bytes of `line` look: a tab stays one, the tail of a UTF-8 sequence is nothing.
std::string padding(std::string_view line, std::size_t bytes) {
  std::string pad;
  for (char c : line.substr(0, bytes)) {
    if ((static_cast<unsigned char>(c) & 0xc0) == 0x80) continue;
    pad += c == '\t' ? '\t' : ' ';
  }
  return pad;
}

}  // namespace

Node Node::with_type(Type type) {
  Node node;
  node.type = type;
  return node;
}

Node Node::of_text(std::string value) {
  Node node = with_type(Type::kText);
  node.text = std::move(value);
  return node;
}

Node Node::of_integer(std::int64_t value) {
  Node node = with_type(Type::kInteger);
  node.integer = value;
  return node;
}

Node Node::of_boolean(bool value) {
  Node node = with_type(Type::kBoolean);
  node.boolean = value;
  return node;
}

Node Node::of_texts(const std::vector<std::string>& values) {
  Node node = with_type(Type::kArray);
  for (const std::string& value : values) node.items.push_back(of_text(value));
  return node;
}

std::string_view Node::type_name() const {
  switch (type) {
    case Type::kText: return "a text";
    case Type::kInteger: return "a whole number";
    case Type::kBoolean: return "true or false";
    case Type::kOther: return text;
    case Type::kArray: return "an array";
    case Type::kTable: return "a table";
  }
  return "something else";
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (is_control(c)) {
      quoted += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string Node::as_toml() const {
  std::string shown;
  switch (type) {
    case Type::kText: return quote(text);
    case Type::kInteger: return std::to_string(integer);
    case Type::kBoolean: return boolean ? "true" : "false";
    case Type::kOther: return text;
    case Type::kArray:
      for (const Node& item : items) shown += (shown.empty() ? "" : ", ") + item.as_toml();
      return "[" + shown + "]";
    case Type::kTable:
      for (const auto& [key, value] : members) {
        shown += (shown.empty() ? "" : ", ") + (is_bare_key(key) ? key : quote(key)) + " = " + value.as_toml();
      }
      return "{" + shown + "}";
  }
  return shown;
}

std::string diagnostic(std::string_view origin, const Location& at, std::string_view what, std::string_view note) {
  if (at.line == 0) return fmt::format("{}: {}{}{}", origin, what, note.empty() ? "" : ": ", note);
  std::size_t column = std::min<std::size_t>(at.column == 0 ? 0 : at.column - 1, at.text.size());
  std::size_t width = std::min<std::size_t>(at.width, at.text.size() - column);
  std::string marks(1, '^');
  if (width > 1) marks.append(padding(at.text.substr(column), width).size() - 1, '~');
  return fmt::format("{}:{}:{}: {}\n{:>5} | {}\n      | {}{}{}{}", origin, at.line, column + 1, what, at.line,
                     printable(at.text), padding(at.text, column), marks, note.empty() ? "" : " ", note);
}

}  // namespace sublet::launcher
