// SPDX-License-Identifier: Apache-2.0
#include "bypass/policy.h"

#include <catch2/catch.hpp>
#include <set>

using namespace sublet;
using namespace sublet::bypass;

namespace {

constexpr int kLo = 1;
constexpr int kEth0 = 2;
constexpr int kEth1 = 3;
constexpr int kDocker = 4;

HostRoute route(const char* prefix, int device, std::uint32_t metric = 0) {
  return {*parse_cidr(prefix), device, false, false, metric};
}
HostRoute local(const char* prefix, int device) { return {*parse_cidr(prefix), device, true, false, 0}; }
HostRoute blocked(const char* prefix) { return {*parse_cidr(prefix), 0, false, true, 0}; }

PolicyFacts facts() {
  PolicyFacts facts;
  facts.cluster = {*parse_cidr("10.42.0.0/16"), *parse_cidr("10.43.0.0/16"), *parse_cidr("fd42::/48")};
  facts.denied = {*parse_cidr("192.0.2.128/25"), *parse_cidr("2001:db8:dead::/48")};
  facts.pods_have_ipv6 = true;
  facts.device = kEth0;
  facts.routes = {route("0.0.0.0/0", kEth0),       route("192.0.2.0/24", kEth0), route("172.17.0.0/16", kDocker),
                  route("203.0.113.0/24", kEth1),  local("127.0.0.0/8", kLo),    local("192.0.2.1/32", kEth0),
                  local("203.0.113.1/32", kEth1),  blocked("198.51.100.0/24"),   route("::/0", kEth0),
                  route("2001:db8:1::/64", kEth1), local("::1/128", kLo),        local("2001:db8::1/128", kEth0)};
  return facts;
}

Reason decide_for(const PolicyFacts& facts, const char* address) {
  return decide(facts, {*parse_ip(address), 80, false, 0});
}

}  // namespace

TEST_CASE("policy: where a connection goes", "[bypass]") {
  struct {
    const char* to;
    Reason reason;
  } const cases[] = {
      {"192.0.2.2", Reason::kNone},
      {"8.8.8.8", Reason::kNone},
      {"2001:db8::2", Reason::kNone},
      {"192.0.2.1", Reason::kNone},  // the host's own, on the same device
      {"127.0.0.1", Reason::kLoopback},
      {"127.255.255.255", Reason::kLoopback},
      {"0.0.0.0", Reason::kLoopback},
      {"0.1.2.3", Reason::kLoopback},
      {"::", Reason::kLoopback},
      {"::1", Reason::kLoopback},
      {"10.42.3.4", Reason::kCluster},
      {"10.43.0.1", Reason::kCluster},
      {"fd42::1", Reason::kCluster},
      {"169.254.169.254", Reason::kLinkLocal},
      {"fe80::1", Reason::kLinkLocal},
      {"febf::1", Reason::kLinkLocal},
      {"fec0::1", Reason::kNone},
      {"224.0.0.1", Reason::kMulticast},
      {"255.255.255.255", Reason::kMulticast},
      {"240.0.0.1", Reason::kMulticast},
      {"ff02::1", Reason::kMulticast},
      {"192.0.2.128", Reason::kDenied},
      {"192.0.2.255", Reason::kDenied},
      {"192.0.2.127", Reason::kNone},
      {"2001:db8:dead::1", Reason::kDenied},
      {"172.17.0.2", Reason::kOtherDevice},
      {"203.0.113.9", Reason::kOtherDevice},
      {"203.0.113.1", Reason::kHostAddress},
      {"2001:db8:1::5", Reason::kOtherDevice},
      {"198.51.100.1", Reason::kNoRoute},
  };
  const PolicyFacts all = facts();
  for (const auto& c : cases) {
    INFO(c.to);
    CHECK(std::string(name_of(decide_for(all, c.to))) == name_of(c.reason));
  }
}

TEST_CASE("policy: without IPv6 of their own pods get none of the host's", "[bypass]") {
  PolicyFacts none = facts();
  none.pods_have_ipv6 = false;
  CHECK(decide_for(none, "2001:db8::2") == Reason::kIpv6);
  CHECK(decide_for(none, "::1") == Reason::kLoopback);
  CHECK(decide_for(none, "192.0.2.2") == Reason::kNone);
}

TEST_CASE("policy: no route, no bypass", "[bypass]") {
  PolicyFacts island = facts();
  island.routes = {local("127.0.0.0/8", kLo)};
  CHECK(decide_for(island, "192.0.2.2") == Reason::kNoRoute);
  CHECK(decide_for({}, "192.0.2.2") == Reason::kNoRoute);
}

TEST_CASE("policy: the longest prefix wins, then the host's own address, then the lowest metric", "[bypass]") {
  const std::vector<HostRoute> routes = {route("0.0.0.0/0", kEth0, 100), route("0.0.0.0/0", kEth1, 50),
                                         route("10.0.0.0/8", kEth0),     route("10.1.0.0/16", kEth1),
                                         route("10.1.1.1/32", kDocker),  local("10.1.1.1/32", kLo),
                                         route("fd00::/8", kEth0, 10),   route("fd00::/8", kEth1, 5)};
  auto device = [&](const char* to) {
    const HostRoute* found = route_to(routes, *parse_ip(to));
    return found == nullptr ? 0 : found->device;
  };
  CHECK(device("8.8.8.8") == kEth1);
  CHECK(device("10.2.0.1") == kEth0);
  CHECK(device("10.1.0.1") == kEth1);
  CHECK(device("10.1.1.1") == kLo);
  CHECK(device("fd00::1") == kEth1);
  CHECK(device("2001:db8::1") == 0);
}

TEST_CASE("policy: the main device is that of the default route, IPv4's first", "[bypass]") {
  CHECK(main_device(facts().routes) == kEth0);
  CHECK(main_device({}) == 0);
  CHECK(main_device({local("127.0.0.0/8", kLo), route("fe80::/64", kEth1), route("ff00::/8", kEth1)}) == 0);
  CHECK(main_device({route("::/0", kEth1), route("0.0.0.0/0", kEth0)}) == kEth0);
  CHECK(main_device({route("0.0.0.0/0", kEth0, 100), route("0.0.0.0/0", kEth1, 10)}) == kEth1);
  CHECK(main_device({route("192.0.2.0/24", kEth0), route("10.0.0.0/8", kEth1)}) == kEth1);
  CHECK(main_device({blocked("0.0.0.0/0"), route("192.0.2.0/24", kEth0)}) == kEth0);
  CHECK(main_device({route("169.254.0.0/16", kEth1), route("192.0.2.0/24", kEth0)}) == kEth0);
}

TEST_CASE("policy: each reason has a name of its own", "[bypass]") {
  std::set<std::string> names;
  for (int i = 0; i < static_cast<int>(Reason::kCount); ++i) {
    const char* name = name_of(static_cast<Reason>(i));
    REQUIRE(name != nullptr);
    CHECK(names.insert(name).second);
  }
}
