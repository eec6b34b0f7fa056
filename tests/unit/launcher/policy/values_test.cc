// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/values.h"

#include "tests/unit/launcher/policy/samples.h"

using namespace sublet;
using namespace sublet::launcher;
using nlohmann::json;

TEST_CASE("selector: labels and expressions all have to fit", "[policy]") {
  const Labels labels = {{"app", "web"}, {"tier", "front"}};
  const struct {
    const char* selector;
    bool selects;
  } cases[] = {
      {"{}", true},
      {R"({"matchLabels": {"app": "web"}})", true},
      {R"({"matchLabels": {"app": "web", "tier": "back"}})", false},
      {R"({"matchLabels": {"none": ""}})", false},
      {R"({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "web"]}]})", true},
      {R"({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db"]}]})", false},
      {R"({"matchExpressions": [{"key": "none", "operator": "In", "values": [""]}]})", false},
      {R"({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]})", true},
      {R"({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]})", false},
      {R"({"matchExpressions": [{"key": "none", "operator": "NotIn", "values": ["x"]}]})", true},
      {R"({"matchExpressions": [{"key": "app", "operator": "Exists"}]})", true},
      {R"({"matchExpressions": [{"key": "none", "operator": "Exists"}]})", false},
      {R"({"matchExpressions": [{"key": "none", "operator": "DoesNotExist"}]})", true},
      {R"({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]})", false},
      {R"({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]})", false},
  };
  for (const auto& c : cases) {
    INFO(c.selector);
    auto selector = selector_from_json(json::parse(c.selector));
    REQUIRE(selector);
    CHECK(selector->selects(labels) == c.selects);
  }
}

TEST_CASE("policy: its types are what it says, or what the API fills in", "[policy]") {
  const struct {
    const char* spec;
    bool ingress, egress;
  } cases[] = {
      {R"({"podSelector": {}})", true, false},
      {R"({"podSelector": {}, "egress": [{}]})", true, true},
      {R"({"podSelector": {}, "policyTypes": ["Egress"]})", false, true},
      {R"({"podSelector": {}, "policyTypes": ["Ingress"], "egress": [{}]})", true, false},
      {R"({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})", true, true},
  };
  for (const auto& c : cases) {
    INFO(c.spec);
    const NetworkPolicy policy = test::policy(c.spec);
    CHECK(policy.ingress.has_value() == c.ingress);
    CHECK(policy.egress.has_value() == c.egress);
  }
}

TEST_CASE("policy: peers and ports are read", "[policy]") {
  const NetworkPolicy policy = test::policy(R"({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{
      "to": [{"ipBlock": {"cidr": "10.1.2.3/8", "except": ["10.9.8.7/16"]}},
             {"namespaceSelector": {}, "podSelector": {}}],
      "ports": [{"port": 80}, {"protocol": "UDP", "port": 1000, "endPort": 2000},
                {"protocol": "SCTP"}, {"port": "http"}]}]})");
  REQUIRE(policy.egress->size() == 1);
  const PolicyRule& rule = policy.egress->front();
  REQUIRE(rule.peers.size() == 2);
  CHECK(rule.peers[0].block->text() == "10.0.0.0/8");
  CHECK(rule.peers[0].except.front().text() == "10.9.0.0/16");
  CHECK((rule.peers[1].pods && rule.peers[1].namespaces));
  REQUIRE(rule.ports.size() == 4);
  CHECK((rule.ports[0].first == 80 && rule.ports[0].last == 80 && rule.ports[0].protocol == Protocol::kTcp));
  CHECK((rule.ports[1].first == 1000 && rule.ports[1].last == 2000 && rule.ports[1].protocol == Protocol::kUdp));
  CHECK((rule.ports[2].first == 0 && rule.ports[2].last == 65535 && rule.ports[2].protocol == Protocol::kSctp));
  CHECK(rule.ports[3].name == "http");
}

TEST_CASE("policy: what is not as the API has it is an error", "[policy]") {
  for (const char* spec : {
           R"({"podSelector": []})",
           R"({"podSelector": {}, "ingress": {}})",
           R"({"podSelector": {}, "ingress": [{"from": [{}]}]})",
           R"({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]})",
           R"({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/33"}}]}]})",
           R"({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/"}}]}]})",
           R"({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": [7]}}]}]})",
           R"({"podSelector": {}, "ingress": [{"ports": [{"port": 0}]}]})",
           R"({"podSelector": {}, "ingress": [{"ports": [{"port": 70000}]}]})",
           R"({"podSelector": {}, "ingress": [{"ports": [{"port": 90, "endPort": 80}]}]})",
           R"({"podSelector": {}, "ingress": [{"ports": [{"protocol": "QUIC"}]}]})",
           R"({"podSelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}})",
       }) {
    INFO(spec);
    CHECK_FALSE(policy_from_json({{"metadata", {{"namespace", "a"}, {"name", "b"}}}, {"spec", json::parse(spec)}}));
  }
}

TEST_CASE("policy: of a pod, labels and named ports of all its containers count", "[policy]") {
  auto pod =
      pod_from_json(json::parse(R"({"metadata": {"uid": "u", "namespace": "n", "name": "p", "labels": {"a": "b"}},
    "spec": {"initContainers": [{"ports": [{"name": "i", "containerPort": 1}]}],
             "containers": [{"ports": [{"containerPort": 2},
                                       {"name": "d", "containerPort": 53, "protocol": "UDP"}]}, {}]}})"));
  REQUIRE(pod);
  CHECK(pod->labels == Labels{{"a", "b"}});
  REQUIRE(pod->ports.size() == 2);
  CHECK(pod->ports[1].name == "d");
  CHECK(pod->ports[1].protocol == Protocol::kUdp);
  CHECK_FALSE(pod->host_network);
  CHECK_FALSE(pod_from_json(json::parse(R"({"metadata": {"name": "p"}})")));
}
