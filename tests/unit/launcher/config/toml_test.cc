// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/toml.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/fs.h"
#include "launcher/config/guard.h"
#include "launcher/config/load.h"

using namespace sublet;
using namespace sublet::launcher;

TEST_CASE("toml: syntax errors have file, line, column and a caret", "[config]") {
  struct Case {
    std::string text;
    std::string report;
  };
  auto [text, report] = GENERATE(values<Case>({
      {"mtu = 09", "f.toml:1:7: bad integer: leading zero\n    1 | mtu = 09\n      |       ^"},
      {"a = 1 b = 2\n",
       "f.toml:1:7: invalid line format\n    1 | a = 1 b = 2\n      |       ^ expected newline, but got 'b'."},
      {"\n\na = [1,2", "f.toml:4:1: missing array separator `,` after a value\n    4 | \n      | ^ should be `,`"},
      {"[a]\nb=1\n[a]\nc=1", "f.toml:3:1: table (\"a\") already exists.\n    3 | [a]\n      | ^~~ table defined twice"},
  }));
  Result<Node> document = parse_toml(text, "f.toml");
  REQUIRE_FALSE(document);
  CHECK(document.error().what == report);
  CHECK(document.error().exit == ExitCode::kUsage);
}

TEST_CASE("toml: each value knows its place and its key's", "[config]") {
  Result<Node> document = parse_toml("# c\n[network]\n  mtu = 9000 # x\n[[node.bind]]\nsource = '/a'\n", "f");
  REQUIRE(document);
  const Node& root = *document;
  REQUIRE(root.members.size() == 2);
  const Node& mtu = root.members[0].second.members[0].second;
  CHECK(mtu.integer == 9000);
  CHECK(mtu.key_at.line == 3);
  CHECK(mtu.key_at.column == 3);
  CHECK(mtu.key_at.width == 3);
  CHECK(mtu.value_at.column == 9);
  CHECK(mtu.value_at.text == "  mtu = 9000 # x");
  CHECK(root.members[1].second.members[0].second.items[0].members[0].second.text == "/a");
}

TEST_CASE("toml: a value that is deep enough to overflow the parser's stack is refused", "[config]") {
  auto deep = [](const std::string& text) {
    Result<Node> document = parse_toml(text, "f");
    return document ? "" : document.error().what.substr(0, document.error().what.find('\n'));
  };
  CHECK(deep("a = " + std::string(100'000, '[')) == "f:1:37: nested too deep");
  std::string keys = "a";
  for (int i = 0; i < 50'000; ++i) keys += ".a";
  CHECK(deep("\n" + keys + " = 1") == "f:2:130: nested too deep");
  std::string commented = "a = ";
  for (int i = 0; i < 20'000; ++i) commented += "[ # ]\n";
  CHECK(deep(commented) == "f:33:1: nested too deep");
  std::string quoted = "a = ";
  for (int i = 0; i < 20'000; ++i) quoted += "[ ']',";
  CHECK(deep(quoted) == "f:1:197: nested too deep");
  CHECK(parse_toml("a = '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['", "f"));
}

TEST_CASE("toml: too long a file and a binary one are refused", "[config]") {
  CHECK_FALSE(parse_toml("#" + std::string(kMaxConfigBytes, 'x'), "f"));
  CHECK(parse_toml(std::string("a = 1\0", 6), "f").error().what == "f: not a text file (it has a NUL byte)");
}

TEST_CASE("toml: what is not UTF-8 is refused where it starts", "[config]") {
  CHECK(parse_toml("a = 1\nb = '\xff'\n", "f").error().what == "f:2:6: not UTF-8\n    2 | b = '?'\n      |      ^");
  for (const char* good :
       {"", "a", "\x7f", "ß", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"}) {
    CHECK(valid_utf8_prefix(good) == std::string_view(good).size());
  }
  for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xc3(", "\xe0\x80\x80", "\xed\xa0\x80", "\xe2\x82",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x98"}) {
    CHECK(valid_utf8_prefix(bad) == 0);
    CHECK(valid_utf8_prefix(std::string("ab") + bad) == 2);
  }
}

TEST_CASE("toml: a single value may be followed by nothing", "[config]") {
  CHECK(parse_toml_value("[1, 2]")->items.size() == 2);
  CHECK(parse_toml_value("{a = 1}")->members.size() == 1);
  CHECK(parse_toml_value("[1").error().what.starts_with("not a TOML value: "));
  CHECK_FALSE(parse_toml_value("1\nother = 2"));
}

TEST_CASE("node: a caret stands under its column, whatever the line has in it", "[config]") {
  CHECK(diagnostic("f", {1, 4, 3, "\tä = 1"}, "bad") == "f:1:4: bad\n    1 | \tä = 1\n      | \t ^~~");
  CHECK(diagnostic("f", {1, 1, 1, "\x1b[31m"}, "bad") == "f:1:1: bad\n    1 | ?[31m\n      | ^");
  CHECK(diagnostic("f", {1, 3, 1, "\xc2\x9bx"}, "bad") == "f:1:3: bad\n    1 | ?x\n      |  ^");
  CHECK(diagnostic("f", {7, 90, 90, "short"}, "bad") == "f:7:6: bad\n    7 | short\n      |      ^");
  CHECK(diagnostic("SUBLET_X", {}, "bad") == "SUBLET_X: bad");
}

TEST_CASE("node: TOML that is written can be read again", "[config]") {
  for (const char* text : {"[1, true, \"a\\\"b\\\\c\\u0001\"]", "{a = 1, \"docker.io\" = {b = []}}"}) {
    Result<Node> value = parse_toml_value(text);
    REQUIRE(value);
    CHECK(value->as_toml() == text);
  }
}

TEST_CASE("config: each file of the fuzz corpus is read or refused, and a refusal names the file", "[config][fuzz]") {
  fs::ScopedTempDir dir = *fs::ScopedTempDir::create();
  std::size_t replayed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SUBLET_SOURCE_DIR "/tests/fuzz/corpus/config")) {
    CAPTURE(entry.path());
    std::string path = dir.path() + "/case.toml";
    REQUIRE(fs::write_file(path, *fs::read_file(entry.path().string())));
    Result<Loaded> loaded = load_config({.user_file = path, .user_file_required = true, .cwd = "/"});
    std::string name = entry.path().filename().string();
    if (name.starts_with("good-")) CHECK(loaded);
    if (name.starts_with("bad-")) CHECK_FALSE(loaded);
    if (!loaded) CHECK(loaded.error().what.find(path) != std::string::npos);
    if (!loaded) CHECK(loaded.error().exit == ExitCode::kUsage);
    ++replayed;
  }
  CHECK(replayed >= 60);
}
