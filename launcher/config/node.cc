// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/node.h"

#include <fmt/format.h>

#include <algorithm>

#include "launcher/config/guard.h"

namespace sublet::launcher {
namespace {

bool is_bare_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// Goes through a line as a terminal shows it: `take` gets each character, "?" for what could be a control sequence of
/// the terminal (C0, C1, DEL) or is no character at all, and where it starts in `line`.
template <typename Take>
void each_character(std::string_view line, Take take) {
  for (std::size_t at = 0; at < line.size();) {
    std::size_t length = utf8_sequence_length(line.substr(at));
    std::string_view character = line.substr(at, std::max<std::size_t>(length, 1));
    bool c1 = length == 2 && character[0] == '\xc2' && static_cast<unsigned char>(character[1]) < 0xa0;
    bool c0 = length == 1 && is_control(character[0]) && character[0] != '\t';
    take(length == 0 || c0 || c1 ? std::string_view("?") : character, at);
    at += character.size();
  }
}

std::string printable(std::string_view line) {
  std::string shown;
  each_character(line, [&](std::string_view character, std::size_t) { shown += character; });
  return shown;
}

/// Blanks as wide as the first `bytes` bytes of `line` look; a tab stays one.
std::string padding(std::string_view line, std::size_t bytes) {
  std::string pad;
  each_character(line, [&](std::string_view character, std::size_t at) {
    if (at < bytes) pad += character == "\t" ? '\t' : ' ';
  });
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
