// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"

#include <catch2/catch.hpp>

using namespace sublet;
using List = std::vector<std::string>;

TEST_CASE("parse_int: takes whole numbers and nothing else", "[base]") {
  struct Case {
    std::string_view text;
    std::optional<int> value;
  };
  for (const auto& [text, value] : {Case{"0", 0}, Case{"-7", -7}, Case{"2147483647", 2147483647},
                                    Case{"2147483648", std::nullopt}, Case{"", std::nullopt}, Case{" 1", std::nullopt},
                                    Case{"1 ", std::nullopt}, Case{"0x10", std::nullopt}, Case{"1e3", std::nullopt}}) {
    CAPTURE(text);
    CHECK(parse_int<int>(text) == value);
  }
  CHECK(parse_int<unsigned>("-1") == std::nullopt);
  CHECK(parse_int<std::uint32_t>("4294967295") == 4294967295U);
  CHECK(parse_int<std::uint8_t>("256") == std::nullopt);
}

TEST_CASE("split: keeps empty parts; empty text has none", "[base]") {
  CHECK(split("", ':').empty());
  CHECK(split(":", ':') == List{"", ""});
  CHECK(split("a::b", ':') == List{"a", "", "b"});
}

TEST_CASE("words: never gives an empty one", "[base]") {
  CHECK(words("").empty());
  CHECK(words(" \t ").empty());
  CHECK(words("  one\ttwo  three ") == List{"one", "two", "three"});
}

TEST_CASE("lines: a last newline starts no line", "[base]") {
  CHECK(lines("").empty());
  CHECK(lines("a\nb") == List{"a", "b"});
  CHECK(lines("a\nb\n") == List{"a", "b"});
  CHECK(lines("a\n\n") == List{"a", ""});
}

TEST_CASE("last_lines: the end, or all there is", "[base]") {
  CHECK(last_lines("1\n2\n3\n", 2) == List{"2", "3"});
  CHECK(last_lines("1\n2\n", 5) == List{"1", "2"});
  CHECK(last_lines("", 5).empty());
}

TEST_CASE("join and trim", "[base]") {
  CHECK(join({}, ", ").empty());
  CHECK(join({"a", "b"}, ", ") == "a, b");
  CHECK(trim(" \t a b\r\n") == "a b");
  CHECK(trim(" \n").empty());
}

TEST_CASE("human_bytes: one decimal below ten, none above", "[base]") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(std::uint64_t{512} << 20) == "512 MiB");
  CHECK(human_bytes(std::uint64_t{24} << 30) == "24 GiB");
}
