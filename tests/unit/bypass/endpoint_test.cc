// SPDX-License-Identifier: Apache-2.0
#include "bypass/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <catch2/catch.hpp>
#include <cstring>

using namespace sublet;
using namespace sublet::bypass;

namespace {

RawAddress v4(const char* text, std::uint16_t port, socklen_t length = sizeof(sockaddr_in)) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  REQUIRE(::inet_pton(AF_INET, text, &in.sin_addr) == 1);
  RawAddress raw;
  std::memcpy(&raw.storage, &in, sizeof in);
  raw.length = length;
  return raw;
}

RawAddress v6(const char* text, std::uint16_t port, std::uint32_t scope = 0, socklen_t length = sizeof(sockaddr_in6)) {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  in.sin6_scope_id = scope;
  REQUIRE(::inet_pton(AF_INET6, text, &in.sin6_addr) == 1);
  RawAddress raw;
  std::memcpy(&raw.storage, &in, sizeof in);
  raw.length = length;
  return raw;
}

}  // namespace

TEST_CASE("endpoint: addresses of both families", "[bypass]") {
  auto four = endpoint_of(v4("192.0.2.7", 443));
  REQUIRE(four);
  CHECK(four->address == *parse_ip("192.0.2.7"));
  CHECK(four->port == 443);
  CHECK_FALSE(four->mapped);
  auto six = endpoint_of(v6("2001:db8::7", 65535, 9));
  REQUIRE(six);
  CHECK(six->address == *parse_ip("2001:db8::7"));
  CHECK(six->port == 65535);
  CHECK(six->scope == 9);
}

TEST_CASE("endpoint: a mapped address is the IPv4 one, and only that form is", "[bypass]") {
  for (const char* text : {"127.0.0.1", "0.0.0.0", "192.0.2.7"}) {
    auto mapped = endpoint_of(v6((std::string("::ffff:") + text).c_str(), 80));
    REQUIRE(mapped);
    CHECK(mapped->mapped);
    CHECK(mapped->address == *parse_ip(text));
  }
  for (const char* text : {"::127.0.0.1", "::fffe:127.0.0.1", "64:ff9b::127.0.0.1", "1::ffff:127.0.0.1"}) {
    auto other = endpoint_of(v6(text, 80));
    REQUIRE(other);
    CHECK_FALSE(other->mapped);
    CHECK(other->address.v6);
  }
}

TEST_CASE("endpoint: lengths are what the kernel takes", "[bypass]") {
  for (socklen_t length : {0U, 1U, 2U, 8U, 15U}) {
    INFO(length);
    CHECK_FALSE(endpoint_of(v4("192.0.2.7", 80, length)));
    CHECK_FALSE(endpoint_of(v6("2001:db8::7", 80, 0, length)));
  }
  for (socklen_t length : {16U, 17U, 128U}) CHECK(endpoint_of(v4("192.0.2.7", 80, length)));
  CHECK_FALSE(endpoint_of(v6("2001:db8::7", 80, 0, 23)));
  for (socklen_t length : {24U, 28U, 128U}) CHECK(endpoint_of(v6("2001:db8::7", 80, 0, length)));
  // Without room for a scope there is none, whatever bytes lie behind.
  CHECK(endpoint_of(v6("2001:db8::7", 80, 7, 24))->scope == 0);
}

TEST_CASE("endpoint: other families are none", "[bypass]") {
  for (int family : {AF_UNSPEC, AF_UNIX, AF_NETLINK, AF_PACKET, 255}) {
    RawAddress raw = v4("192.0.2.7", 80);
    raw.storage.ss_family = static_cast<sa_family_t>(family);
    CHECK(raw.family() == family);
    CHECK_FALSE(endpoint_of(raw));
  }
  RawAddress one_byte = v4("192.0.2.7", 80, 1);
  CHECK(one_byte.family() == AF_UNSPEC);
}
