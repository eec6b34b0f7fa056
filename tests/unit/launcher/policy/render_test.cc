// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/render.h"

#include "tests/unit/launcher/policy/samples.h"

using namespace sublet;
using namespace sublet::test;

namespace {

const Cidr kPods = *parse_cidr("10.42.0.0/24");

std::string rules(std::vector<NetworkPolicy> policies) {
  return policy_rules(compile(world(std::move(policies))), kPods);
}

}  // namespace

TEST_CASE("rules: without policies there is no table", "[policy]") {
  CHECK(rules({}) == "table inet sublet-policy\ndelete table inet sublet-policy\n");
}

TEST_CASE("rules: one of each kind", "[policy]") {
  CHECK(rules({policy(R"({"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress", "Egress"],
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"tier": "front"}}}],
                 "ports": [{"port": "sql"}, {"port": 80, "endPort": 90}]}],
    "egress": [{"to": [{"ipBlock": {"cidr": "198.51.100.0/24", "except": ["198.51.100.64/26"]}}]},
               {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "SCTP"}]}]})")}) ==
        R"(table inet sublet-policy
delete table inet sublet-policy
table inet sublet-policy {
  chain egress-0 {
    ip daddr 198.51.100.0/24 ip daddr != 198.51.100.64/26 return
    udp dport 53 return
    meta l4proto sctp return
    drop
  }
  chain ingress-0 {
    ip saddr { 10.42.0.2, 10.42.0.3 } tcp dport 80-90 return
    ip saddr { 10.42.0.2, 10.42.0.3 } ip daddr 10.42.0.4 tcp dport 5432 return
    drop
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    ip saddr . ip daddr { 10.42.0.2 . 10.42.0.2, 10.42.0.3 . 10.42.0.3, 10.42.0.4 . 10.42.0.4, )"
        R"(10.42.0.5 . 10.42.0.5 } accept
    ip saddr 10.42.0.0/24 ip saddr != { 10.42.0.2, 10.42.0.3, 10.42.0.4, 10.42.0.5 } drop
    ip daddr 10.42.0.0/24 ip daddr != { 10.42.0.2, 10.42.0.3, 10.42.0.4, 10.42.0.5 } drop
    ip saddr vmap { 10.42.0.4 : jump egress-0 }
    ip daddr vmap { 10.42.0.4 : jump ingress-0 }
  }
}
)");
}

TEST_CASE("rules: who is allowed nothing has a list of one line", "[policy]") {
  CHECK(rules({policy(R"({"podSelector": {}, "policyTypes": ["Egress"]})")}).find("chain egress-0 {\n    drop\n") !=
        std::string::npos);
}
