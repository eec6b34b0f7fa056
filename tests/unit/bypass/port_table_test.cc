// SPDX-License-Identifier: Apache-2.0
#include "bypass/port_table.h"

#include <catch2/catch.hpp>

#include "bypass/host_ports.h"

using namespace sublet;
using namespace sublet::bypass;

namespace {

PortEndpoint endpoint(const char* address, std::uint16_t port, const char* pod, bool isolated = false) {
  return {*parse_ip(address), port, pod, isolated};
}

}  // namespace

TEST_CASE("port table: it comes out of JSON as it went in", "[bypass]") {
  PortEndpoint some = endpoint("10.42.0.8", 8443, "uid-2", true);
  some.from = {{*parse_cidr("0.0.0.0/0"), {}}, {*parse_cidr("10.0.0.0/8"), {*parse_cidr("10.1.0.0/16")}}};
  const std::vector<HostPort> table = {
      {"expose default/a:80", 0, 40123, true, 0, {}, {}},
      {"hostPort default/p:80@127.0.0.1", 80, 0, false, 0, {}, parse_ip("127.0.0.1")},
      {"NodePort b/c:443",
       30443,
       0,
       false,
       10800,
       {endpoint("10.42.0.7", 8443, "uid-1"), endpoint("fd00::7", 1, "", true), some},
       {}},
  };
  const auto back = port_table_from_json(to_json(table));
  REQUIRE(back);
  CHECK(*back == table);
}

TEST_CASE("port table: what is not one is refused, with the reason", "[bypass]") {
  const struct {
    const char* text;
    const char* why;
  } cases[] = {
      {"{", "not a JSON list"},
      {"{}", "not a JSON list"},
      {"[1]", "not an object"},
      {"[{}]", "without a key"},
      {R"([{"key": 1}])", "not a text"},
      {R"([{"key": "a", "wanted": -1}])", "out of range"},
      {R"([{"key": "a", "wanted": 65536}])", "out of range"},
      {R"([{"key": "a", "wanted": "80"}])", "whole number"},
      {R"([{"key": "a", "affinity": 86401}])", "out of range"},
      {R"([{"key": "a", "open": 1}])", "not a boolean"},
      {R"([{"key": "a", "port": 1}])", "unknown"},
      {R"([{"key": "a"}, {"key": "a"}])", "twice"},
      {R"([{"key": "a", "endpoints": {}}])", "no list"},
      {R"([{"key": "a", "endpoints": [{"address": "10.0.0.300", "port": 1}]}])", "no address"},
      {R"([{"key": "a", "endpoints": [{"address": "10.0.0.3"}]}])", "without address or port"},
      {R"([{"key": "a", "endpoints": [{"port": 1}]}])", "without address or port"},
      {R"([{"key": "a", "endpoints": [{"address": "10.0.0.3", "port": 1, "x": 1}]}])", "unknown"},
      {R"([{"key": "a", "address": "nowhere"}])", "no address"},
      {R"([{"key": "a", "endpoints": [{"from": "0.0.0.0/0"}]}])", "no list"},
      {R"([{"key": "a", "endpoints": [{"from": [[]]}]}])", "no block"},
      {R"([{"key": "a", "endpoints": [{"from": [["10.0.0.1/8"]]}]}])", "10.0.0.1/8"},
      {R"([{"key": "a", "endpoints": [{"from": [["10.0.0.0/8", 1]]}]}])", "not a text"},
  };
  for (const auto& c : cases) {
    INFO(c.text);
    const auto table = port_table_from_json(c.text);
    REQUIRE_FALSE(table);
    CHECK(table.error().what.find(c.why) != std::string::npos);
  }
  std::string many = "[";
  for (std::size_t i = 0; i <= kMostPorts; ++i) many += std::string(i == 0 ? "" : ",") + "{}";
  CHECK_FALSE(port_table_from_json(many + "]"));
  CHECK_FALSE(port_table_from_json(R"([{"key": ")" + std::string(kLongestKey + 1, 'x') + R"("}])"));
}

TEST_CASE("port state: it comes out of JSON as it went in, and nothing else does", "[bypass]") {
  const PortState state{"NodePort b/c:443", "192.0.2.1", 30443, ""};
  const auto back = port_state_from_json(to_json(state));
  REQUIRE(back);
  CHECK(*back == state);
  for (const char* text : {"", "[]", "{}", R"({"key": "a", "port": 70000})", R"({"key": "a", "more": 1})"})
    CHECK_FALSE(port_state_from_json(text));
}

TEST_CASE("host ports: the host's address on the device, IPv4 before IPv6, loopback where there is none", "[bypass]") {
  const auto route = [](const char* prefix, int device, bool local) {
    HostRoute made;
    made.prefix = *parse_cidr(prefix);
    made.device = device;
    made.local = local;
    return made;
  };
  const std::vector<HostRoute> routes = {route("127.0.0.0/8", 1, true),     route("127.0.0.1/32", 1, true),
                                         route("fe80::1/128", 2, true),     route("2001:db8::1/128", 2, true),
                                         route("192.0.2.0/24", 2, false),   route("192.0.2.1/32", 2, true),
                                         route("198.51.100.1/32", 3, true), route("2001:db8:1::1/128", 4, true)};
  CHECK(address_on(routes, 2).text() == "192.0.2.1");
  CHECK(address_on(routes, 3).text() == "198.51.100.1");
  CHECK(address_on(routes, 4).text() == "2001:db8:1::1");
  CHECK(address_on(routes, 5).text() == "127.0.0.1");
  CHECK(address_on({}, 0).text() == "127.0.0.1");
}
