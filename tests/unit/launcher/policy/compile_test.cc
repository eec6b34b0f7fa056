// SPDX-License-Identifier: Apache-2.0
// Who may talk to whom, judged by the compiled lists as a packet filter would: a table of policies and questions.
#include "launcher/policy/compile.h"

#include <algorithm>

#include "tests/unit/launcher/policy/samples.h"

using namespace sublet;
using namespace sublet::test;

namespace {

constexpr const char* kWeb = "10.42.0.2";
constexpr const char* kWeb2 = "10.42.0.3";
constexpr const char* kDb = "10.42.0.4";
constexpr const char* kLab = "10.42.0.5";
constexpr const char* kOutside = "198.51.100.7";

bool admits(const Allowance& allowance, const IpAddress& other, const IpAddress& receiver, Protocol protocol,
            std::uint16_t port) {
  const bool peer =
      allowance.anybody || std::count(allowance.pods.begin(), allowance.pods.end(), other) > 0 ||
      std::any_of(allowance.blocks.begin(), allowance.blocks.end(), [&](const Allowance::Block& block) {
        return contains(block.prefix, other) && std::none_of(block.except.begin(), block.except.end(),
                                                             [&](const Cidr& each) { return contains(each, other); });
      });
  const bool by_port = allowance.any_port ||
                       std::any_of(allowance.ports.begin(), allowance.ports.end(),
                                   [&](const Allowance::Ports& each) {
                                     return each.protocol == protocol && each.first <= port && port <= each.last;
                                   }) ||
                       std::any_of(allowance.named.begin(), allowance.named.end(), [&](const Allowance::Named& each) {
                         return each.receiver == receiver && each.protocol == protocol && each.number == port;
                       });
  return peer && by_port;
}

bool passes(const Direction& direction, const IpAddress& self, const IpAddress& other, const IpAddress& receiver,
            Protocol protocol, std::uint16_t port) {
  const auto found = direction.pods.find(self);
  if (found == direction.pods.end()) return true;
  const std::vector<Allowance>& list = direction.lists[found->second];
  return std::any_of(list.begin(), list.end(),
                     [&](const Allowance& each) { return admits(each, other, receiver, protocol, port); });
}

bool may(const std::vector<NetworkPolicy>& policies, const char* from, const char* to, std::uint16_t port = 80,
         Protocol protocol = Protocol::kTcp) {
  const PolicyVerdicts verdicts = compile(world(policies));
  return passes(verdicts.egress, ip(from), ip(to), ip(to), protocol, port) &&
         passes(verdicts.ingress, ip(to), ip(from), ip(to), protocol, port);
}

const NetworkPolicy kDenyEgress = policy(R"({"podSelector": {}, "policyTypes": ["Egress"]})");
const NetworkPolicy kDenyIngress = policy(R"({"podSelector": {}, "policyTypes": ["Ingress"]})");

}  // namespace

TEST_CASE("policies: without any, everybody talks to everybody", "[policy]") {
  const PolicyVerdicts verdicts = compile(world({}));
  CHECK_FALSE(verdicts.any);
  CHECK(verdicts.egress.pods.empty());
  CHECK(verdicts.free_to_leave.empty());
  CHECK(may({}, kWeb, kOutside));
}

TEST_CASE("policies: default deny holds its namespace, in its direction, and nobody else", "[policy]") {
  CHECK_FALSE(may({kDenyEgress}, kWeb, kOutside));
  CHECK_FALSE(may({kDenyEgress}, kWeb, kDb));
  CHECK_FALSE(may({kDenyEgress}, kWeb, kLab));
  CHECK(may({kDenyEgress}, kLab, kWeb));
  CHECK(may({kDenyEgress}, kLab, kOutside));
  CHECK(may({kDenyEgress}, kOutside, kWeb));
  CHECK_FALSE(may({kDenyIngress}, kOutside, kWeb));
  CHECK_FALSE(may({kDenyIngress}, kLab, kDb));
  CHECK(may({kDenyIngress}, kWeb, kOutside));
  CHECK(may({kDenyIngress}, kWeb, kLab));
}

TEST_CASE("policies: allow all is a rule without anything", "[policy]") {
  const NetworkPolicy all = policy(R"({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]})");
  CHECK(may({all}, kWeb, kOutside, 53, Protocol::kUdp));
  CHECK(may({kDenyEgress, all}, kWeb, kLab));
}

TEST_CASE("policies: blocks, but for what they except", "[policy]") {
  const NetworkPolicy some = policy(R"({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"],
    "egress": [{"to": [{"ipBlock": {"cidr": "198.51.100.0/24",
                                     "except": ["198.51.100.64/26", "198.51.100.200/32"]}}]}]})");
  CHECK(may({some}, kWeb, kOutside));
  CHECK_FALSE(may({some}, kWeb, "198.51.100.65"));
  CHECK_FALSE(may({some}, kWeb, "198.51.100.200"));
  CHECK(may({some}, kWeb, "198.51.100.201"));
  CHECK_FALSE(may({some}, kWeb, "203.0.113.1"));
  CHECK_FALSE(may({some}, kWeb, kDb));
  CHECK(may({some}, kDb, kOutside));  // not selected
}

TEST_CASE("policies: pods of the own namespace, of others, and both", "[policy]") {
  const auto to = [](const char* peers) {
    return policy(
        (std::string(R"({"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [{"from": )") + peers + "}]}")
            .c_str());
  };
  const NetworkPolicy own = to(R"([{"podSelector": {"matchLabels": {"app": "web"}}}])");
  CHECK(may({own}, kWeb, kDb));
  CHECK(may({own}, kWeb2, kDb));
  CHECK_FALSE(may({own}, kLab, kDb));  // the same label, but elsewhere
  CHECK_FALSE(may({own}, kOutside, kDb));
  const NetworkPolicy others = to(R"([{"namespaceSelector": {"matchLabels": {"team": "b"}}}])");
  CHECK(may({others}, kLab, kDb));
  CHECK_FALSE(may({others}, kWeb, kDb));
  const NetworkPolicy both = to(
      R"([{"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": {"tier": "front"}}}])");
  CHECK(may({both}, kWeb, kDb));
  CHECK_FALSE(may({both}, kLab, kDb));
  const NetworkPolicy either = to(
      R"([{"namespaceSelector": {"matchLabels": {"team": "b"}}},
           {"podSelector": {"matchLabels": {"tier": "front"}}}])");
  CHECK(may({either}, kWeb, kDb));
  CHECK(may({either}, kLab, kDb));
  const NetworkPolicy everybody = to(R"([{"namespaceSelector": {}}])");
  CHECK(may({everybody}, kLab, kDb));
  CHECK_FALSE(may({everybody}, kOutside, kDb));  // all pods, but not the world
}

TEST_CASE("policies: ports, ranges and protocols", "[policy]") {
  const NetworkPolicy some = policy(R"({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports":
    [{"port": 443}, {"port": 8000, "endPort": 8010}, {"protocol": "UDP", "port": 53}, {"protocol": "SCTP"}]}]})");
  const struct {
    Protocol protocol;
    std::uint16_t port;
    bool allowed;
  } cases[] = {
      {Protocol::kTcp, 443, true},  {Protocol::kTcp, 442, false},  {Protocol::kTcp, 8000, true},
      {Protocol::kTcp, 8010, true}, {Protocol::kTcp, 8011, false}, {Protocol::kUdp, 53, true},
      {Protocol::kTcp, 53, false},  {Protocol::kUdp, 443, false},  {Protocol::kSctp, 9999, true},
  };
  for (const auto& c : cases) {
    INFO(name_of(c.protocol) << " " << c.port);
    CHECK(may({some}, kWeb, kOutside, c.port, c.protocol) == c.allowed);
  }
}

TEST_CASE("policies: a port's name is each receiver's own", "[policy]") {
  const NetworkPolicy in = policy(R"({"podSelector": {}, "ingress": [{"ports": [{"port": "http"}]}]})");
  CHECK(may({in}, kOutside, kWeb, 8080));
  CHECK_FALSE(may({in}, kOutside, kWeb, 9090));
  CHECK(may({in}, kOutside, kWeb2, 9090));
  CHECK_FALSE(may({in}, kOutside, kDb, 8080));
  const NetworkPolicy out = policy(R"({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to":
    [{"podSelector": {"matchLabels": {"app": "db"}}}],
    "ports": [{"port": "sql"}, {"protocol": "UDP", "port": "sql"}]}]})");
  CHECK(may({out}, kWeb, kDb, 5432));
  CHECK(may({out}, kWeb, kDb, 5433, Protocol::kUdp));
  CHECK_FALSE(may({out}, kWeb, kDb, 5433));
  CHECK_FALSE(may({out}, kWeb, kLab, 5432));
  const NetworkPolicy any =
      policy(R"({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": "http"}]}]})");
  CHECK(may({any}, kDb, kLab, 7070));
  CHECK_FALSE(may({any}, kDb, kOutside, 7070));
}

TEST_CASE("policies: several add up, and both sides must agree", "[policy]") {
  const NetworkPolicy web = policy(R"({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"],
    "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "db"}}}]}]})",
                                   "shop", "to-db");
  CHECK(may({kDenyEgress, web}, kWeb, kDb));
  CHECK_FALSE(may({kDenyEgress, web}, kWeb, kWeb2));
  CHECK_FALSE(may({kDenyEgress, web, kDenyIngress}, kWeb, kDb));
  const NetworkPolicy db = policy(R"({"podSelector": {"matchLabels": {"app": "db"}}, "ingress":
    [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]})",
                                  "shop", "from-web");
  CHECK(may({kDenyEgress, web, kDenyIngress, db}, kWeb, kDb));
  CHECK_FALSE(may({kDenyEgress, web, kDenyIngress, db}, kLab, kDb));
}

TEST_CASE("policies: pods of the same policies share a list", "[policy]") {
  const PolicyVerdicts verdicts = compile(world({kDenyEgress}));
  CHECK(verdicts.egress.lists.size() == 1);
  CHECK(verdicts.egress.pods.size() == 3);  // not the one on the node's network, not the one without an address
  CHECK(verdicts.known.size() == 4);
}

TEST_CASE("policies: free to leave is who is known and not selected", "[policy]") {
  const NetworkPolicy web = policy(R"({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"]})");
  const PolicyVerdicts verdicts = compile(world({web, policy(R"({"podSelector": {}})", "lab")}));
  const std::map<std::string, std::vector<std::string>> expected = {{"shop", {"u-db", "u-new"}}};
  CHECK(verdicts.free_to_leave == expected);
}
