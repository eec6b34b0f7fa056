// SPDX-License-Identifier: Apache-2.0
#include "base/cidr.h"

#include <catch2/catch.hpp>

using namespace sublet;

namespace {
Cidr cidr(const char* text) { return *parse_cidr(text); }
IpAddress ip(const char* text) { return *parse_ip(text); }
}  // namespace

TEST_CASE("cidr: what is read is written the same", "[base]") {
  for (const char* text :
       {"0.0.0.0/0", "10.0.2.0/24", "192.0.2.1/32", "::/0", "fd00::/64", "2001:db8::1/128", "10.0.0.0/9"})
    CHECK(cidr(text).text() == text);
}

TEST_CASE("cidr: what is no prefix is refused", "[base]") {
  for (const char* text : {"", "/", "10.0.2.0", "10.0.2.0/", "10.0.2.0/33", "10.0.2.0/-1", "10.0.2.0/ 8", "10.0.2/24",
                           "::/129", "fd00::%eth0/64", "host/24", "10.0.2.0/24/1", "10.0.2.0/1e1"})
    CHECK_FALSE(parse_cidr(text).has_value());
  CHECK_FALSE(parse_ip(std::string_view("1.2.3.4\0x", 9)).has_value());
}

TEST_CASE("cidr: bits outside of the prefix are an error that names the prefix", "[base]") {
  auto result = parse_cidr("10.0.2.77/20");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().hint == "10.0.0.0/20 is probably meant");
}

TEST_CASE("cidr: a block is the network that its address is in", "[base]") {
  struct {
    const char* text;
    const char* block;
  } cases[] = {{"10.0.0.1/8", "10.0.0.0/8"},        {"192.0.2.255/25", "192.0.2.128/25"},
               {"203.0.113.7/0", "0.0.0.0/0"},      {"203.0.113.7/32", "203.0.113.7/32"},
               {"2001:db8::7/64", "2001:db8::/64"}, {"10.0.0.0/8", "10.0.0.0/8"}};
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(parse_block(c.text)->text() == c.block);
  }
  for (const char* text : {"", "10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/x", "::1/129", " 10.0.0.1/8"})
    CHECK_FALSE(parse_block(text).has_value());
}

TEST_CASE("cidr: contains and overlap", "[base]") {
  CHECK(contains(cidr("10.0.2.0/24"), ip("10.0.2.255")));
  CHECK_FALSE(contains(cidr("10.0.2.0/24"), ip("10.0.3.0")));
  CHECK(contains(cidr("10.0.2.128/25"), ip("10.0.2.128")));
  CHECK_FALSE(contains(cidr("10.0.2.128/25"), ip("10.0.2.127")));
  CHECK(contains(cidr("0.0.0.0/0"), ip("255.255.255.255")));
  CHECK_FALSE(contains(cidr("0.0.0.0/0"), ip("::")));
  CHECK(contains(cidr("fd00::/63"), ip("fd00:0:0:1::7")));
  CHECK(overlap(cidr("10.0.0.0/8"), cidr("10.42.0.0/24")));
  CHECK(overlap(cidr("10.42.0.0/24"), cidr("10.0.0.0/8")));
  CHECK_FALSE(overlap(cidr("10.42.0.0/24"), cidr("10.42.1.0/24")));
  CHECK_FALSE(overlap(cidr("0.0.0.0/0"), cidr("::/0")));
}

TEST_CASE("cidr: the n-th address stays inside", "[base]") {
  CHECK(nth(cidr("10.0.2.0/24"), 100)->text() == "10.0.2.100");
  CHECK(nth(cidr("10.0.0.0/16"), 258)->text() == "10.0.1.2");
  CHECK(nth(cidr("10.0.2.0/24"), 255)->text() == "10.0.2.255");
  CHECK_FALSE(nth(cidr("10.0.2.0/24"), 256).has_value());
  CHECK(nth(cidr("10.0.2.7/32"), 0)->text() == "10.0.2.7");
  CHECK_FALSE(nth(cidr("10.0.2.7/32"), 1).has_value());
  CHECK(nth(cidr("fd00::/64"), 0x100)->text() == "fd00::100");
  CHECK(nth(cidr("fd00::/64"), ~0ULL)->text() == "fd00::ffff:ffff:ffff:ffff");
  CHECK_FALSE(nth(cidr("fd00::/120"), 256).has_value());
}

TEST_CASE("cidr: first_free takes the preferred prefix unless a route is in the way", "[base]") {
  std::vector<Cidr> candidates{cidr("10.43.0.0/16"), cidr("172.31.0.0/16")};
  struct {
    const char* name;
    std::vector<Cidr> taken;
    const char* expected;
  } const cases[] = {
      {"no routes", {}, "10.42.0.0/16"},
      {"a default route takes nothing", {cidr("0.0.0.0/0"), cidr("::/0")}, "10.42.0.0/16"},
      {"a part of it is taken", {cidr("10.42.7.0/24")}, "10.43.0.0/16"},
      {"a route around all of 10", {cidr("10.0.0.0/8")}, "172.31.0.0/16"},
      {"another family", {cidr("::/1")}, "10.42.0.0/16"},
      {"all taken", {cidr("10.0.0.0/8"), cidr("172.16.0.0/12")}, ""},
  };
  for (const auto& c : cases) {
    INFO(c.name);
    auto found = first_free(cidr("10.42.0.0/16"), candidates, c.taken);
    CHECK((found ? found->text() : "") == c.expected);
  }
}
