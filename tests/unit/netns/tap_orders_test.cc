// SPDX-License-Identifier: Apache-2.0
#include "netns/tap_orders.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sublet;
using namespace sublet::netns;

namespace {

TapOrders good() {
  return *make_tap_orders(*parse_cidr("10.0.2.0/24"), *parse_cidr("fd00::/64"), 65520, "nameserver 127.0.0.53\n");
}

nlohmann::json as_json() { return nlohmann::json::parse(to_json(good())); }

}  // namespace

TEST_CASE("tap_orders: the usual numbers", "[netns]") {
  TapOrders orders = good();
  CHECK(orders.v4.gateway.text() == "10.0.2.2");
  CHECK(orders.v4.dns.text() == "10.0.2.3");
  CHECK(orders.v4.guest.text() == "10.0.2.100");
  CHECK(orders.v6->guest.text() == "fd00::100");
  CHECK(make_tap_orders(*parse_cidr("10.0.2.8/29"), {}, 1500, "")->v4.guest.text() == "10.0.2.12");
  CHECK(make_tap_orders(*parse_cidr("10.0.2.128/25"), {}, 1500, "")->v4.guest.text() == "10.0.2.228");
}

TEST_CASE("tap_orders: through JSON and back nothing changes", "[netns]") {
  TapOrders orders = good();
  CHECK(tap_orders_from_json(to_json(orders)).value() == orders);
  orders.v6.reset();
  orders.mtu = 576;
  orders.resolv_conf = "nameserver 1.1.1.1\n# \"quoted\"\n";
  orders.denied = {*parse_cidr("10.200.0.0/16"), *parse_cidr("2001:db8::/32")};
  CHECK(tap_orders_from_json(to_json(orders)).value() == orders);
}

TEST_CASE("tap_orders: networks that libslirp cannot play are refused", "[netns]") {
  struct {
    const char* name;
    const char* v4;
    const char* v6;
    unsigned mtu;
  } const cases[] = {
      {"prefix too small", "10.0.2.0/30", "", 1500},
      {"prefix too large", "0.0.0.0/0", "", 1500},
      {"families swapped", "fd00::/64", "", 1500},
      {"not a /64", "10.0.2.0/24", "fd00::/56", 1500},
      {"mtu above", "10.0.2.0/24", "", 65521},
      {"mtu below", "10.0.2.0/24", "", 575},
      {"mtu below what IPv6 needs", "10.0.2.0/24", "fd00::/64", 1279},
  };
  for (const auto& c : cases) {
    INFO(c.name);
    std::optional<Cidr> v6;
    if (*c.v6 != '\0') v6 = *parse_cidr(c.v6);
    CHECK_FALSE(make_tap_orders(*parse_cidr(c.v4), v6, c.mtu, "").has_value());
  }
  CHECK(make_tap_orders(*parse_cidr("10.0.2.0/24"), {}, 576, "").has_value());
  CHECK_FALSE(make_tap_orders(*parse_cidr("10.0.2.0/24"), {}, 1500, std::string(70000, 'x')).has_value());
}

TEST_CASE("tap_orders: JSON that is not exactly the orders is refused, and says where", "[netns]") {
  for (const char* text : {"", "null", "[]", "{", "{}", "7", "\"x\"", "{\"v4\":{}}"})
    CHECK_FALSE(tap_orders_from_json(text).has_value());
  struct {
    const char* pointer;
    nlohmann::json value;
    const char* error;
  } const cases[] = {
      {"/v4/prefix", 7, "v4: \"prefix\" is not a text"},
      {"/v4/prefix", "10.0.2.1/24", "bits set outside"},
      {"/v4/gateway", "10.0.3.2", "10.0.3.2 is not in 10.0.2.0/24"},
      {"/v4/gateway", "fd00::2", "fd00::2 is not in 10.0.2.0/24"},
      {"/v4/dns", "10.0.2.2", "an address each"},
      {"/v4/guest", "10.0.2.255", "broadcast"},
      {"/v4/guest", "10.0.2.0", "the network's own"},
      {"/v4/guest", "not an ip", "is not an address"},
      {"/v4/extra", "x", "unknown key \"extra\""},
      {"/v6", true, "v6 is not an object"},
      {"/v6/prefix", "fd00::/48", "must be a /64"},
      {"/mtu", -1, "mtu"},
      {"/mtu", 1500.5, "mtu"},
      {"/mtu", 4294968796U, "mtu"},
      {"/mtu", "1500", "mtu"},
      {"/resolv_conf", nullptr, "is not a text"},
      {"/denied", 5, "not a list"},
      {"/denied", {"10.0.0.1/8"}, "bits set outside"},
      {"/host_loopback", true, "unknown key"},
  };
  for (const auto& c : cases) {
    INFO(c.pointer << " = " << c.value.dump());
    auto object = as_json();
    object[nlohmann::json::json_pointer(c.pointer)] = c.value;
    auto result = tap_orders_from_json(object.dump());
    REQUIRE_FALSE(result.has_value());
    CHECK_THAT(result.error().what, Catch::Contains(c.error));
  }
  auto object = as_json();
  object.erase("v6");
  CHECK_THAT(tap_orders_from_json(object.dump()).error().what, Catch::Contains("\"v6\" is missing"));
}

TEST_CASE("tap_orders: the guest's link and name servers follow from them", "[netns]") {
  LinkPlan plan = tap_link(good(), "tap0");
  CHECK(plan.mtu == 65520);
  REQUIRE(plan.addresses.size() == 2);
  CHECK(plan.addresses[1].prefix_length == 64);
  REQUIRE(plan.gateways.size() == 2);
  CHECK(plan.gateways[0].text() == "10.0.2.2");
  TapOrders orders = good();
  auto both = parse_resolv_conf("nameserver 10.1.1.1\nnameserver 2001:db8::1\n");
  auto v6_only = parse_resolv_conf("nameserver 2001:db8::1\n");
  CHECK(virtual_name_servers(orders, both).size() == 2);
  CHECK(virtual_name_servers(orders, v6_only) == std::vector<IpAddress>{orders.v6->dns});
  orders.v6.reset();
  CHECK(virtual_name_servers(orders, v6_only).empty());
}
