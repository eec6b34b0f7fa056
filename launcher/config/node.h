// SPDX-License-Identifier: Apache-2.0
// A value as some source gave it, before anybody knows which key it is for: what a TOML file, an environment variable
// and a flag have in common. Keeps its place in the text, so that a complaint can point at it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sublet::launcher {

/// A place in a file. Line 0: not from a file.
struct Location {
  unsigned line = 0;    // from 1
  unsigned column = 0;  // in bytes, from 1
  unsigned width = 0;   // in bytes
  std::string text;     // the whole line
};

struct Member;

struct Node {
  enum class Type { kText, kInteger, kBoolean, kOther, kArray, kTable };

  Type type = Type::kTable;
  std::string text;  // kText; what kOther is ("a date", "a number with a fraction")
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<Node> items;      // kArray
  std::vector<Member> members;  // kTable, in the order of the file
  Location value_at;
  Location key_at;

  [[nodiscard]] static Node of_text(std::string value);
  [[nodiscard]] static Node of_integer(std::int64_t value);
  [[nodiscard]] static Node of_boolean(bool value);
  [[nodiscard]] static Node of_texts(const std::vector<std::string>& values);
  [[nodiscard]] static Node of_array();
  [[nodiscard]] static Node of_table();

  /// "a text", "a whole number", …: for messages.
  [[nodiscard]] std::string_view type_name() const;
  /// As TOML would write it on one line.
  [[nodiscard]] std::string as_toml() const;

 private:
  [[nodiscard]] static Node with_type(Type type);
};

/// A key of a table and its value. Not a std::pair: that one asks whether Node, still incomplete, has a constructor.
struct Member {
  Member(std::string key, Node value) : first(std::move(key)), second(std::move(value)) {}
  std::string first;
  Node second;
};

inline Node Node::of_array() { return with_type(Type::kArray); }
inline Node Node::of_table() { return with_type(Type::kTable); }

/// `text` in TOML's double quotes, escaped.
[[nodiscard]] std::string quote(std::string_view text);

/// "FILE:LINE:COLUMN: what", the line and a caret below, as compilers do; "origin: what" where the place is unknown.
[[nodiscard]] std::string diagnostic(std::string_view origin, const Location& at, std::string_view what,
                                     std::string_view note = {});

}  // namespace sublet::launcher
