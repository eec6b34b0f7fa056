// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/values.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

using nlohmann::json;

const json& member(const json& object, const char* key) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string text_at(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// An absent list is an empty one; anything else that is no list is an error.
Result<std::vector<json>> list_at(const json& object, const char* key) {
  const json& value = member(object, key);
  if (value.is_null()) return std::vector<json>{};
  if (!value.is_array()) return fail(std::string("\"") + key + "\" is not a list");
  return value.get<std::vector<json>>();
}

Result<Protocol> protocol_of(const json& object) {
  const std::string text = text_at(object, "protocol");
  if (text.empty() || text == "TCP") return Protocol::kTcp;
  if (text == "UDP") return Protocol::kUdp;
  if (text == "SCTP") return Protocol::kSctp;
  return fail("\"" + text + "\" is no protocol");
}

Result<std::uint16_t> port_number(const json& value) {
  constexpr std::int64_t kLast = 65535;
  if (!value.is_number_integer() || value.get<std::int64_t>() < 1 || value.get<std::int64_t>() > kLast)
    return fail("a port that is none: " + value.dump());
  return static_cast<std::uint16_t>(value.get<std::int64_t>());
}

Result<PolicyPort> port_from_json(const json& object) {
  PolicyPort port;
  port.protocol = TRY(protocol_of(object));
  const json& value = member(object, "port");
  if (value.is_null()) return port;
  if (value.is_string()) {
    port.name = value.get<std::string>();
    return port;
  }
  port.first = port.last = TRY(port_number(value));
  if (const json& end = member(object, "endPort"); !end.is_null()) port.last = TRY(port_number(end));
  if (port.last < port.first) return fail("endPort is below port");
  return port;
}

Result<PolicyPeer> peer_from_json(const json& object) {
  PolicyPeer peer;
  if (const json& block = member(object, "ipBlock"); !block.is_null()) {
    peer.block = TRY(parse_block(text_at(block, "cidr")));
    for (const json& each : TRY(list_at(block, "except"))) {
      if (!each.is_string()) return fail("\"except\" holds something that is not a text");
      peer.except.push_back(TRY(parse_block(each.get<std::string>())));
    }
    return peer;
  }
  if (const json& pods = member(object, "podSelector"); !pods.is_null()) peer.pods = TRY(selector_from_json(pods));
  if (const json& spaces = member(object, "namespaceSelector"); !spaces.is_null())
    peer.namespaces = TRY(selector_from_json(spaces));
  if (!peer.pods && !peer.namespaces) return fail("a peer that is neither a block nor pods");
  return peer;
}

Result<std::vector<PolicyRule>> rules_from_json(const json& spec, const char* direction, const char* peers) {
  std::vector<PolicyRule> rules;
  for (const json& each : TRY(list_at(spec, direction))) {
    PolicyRule rule;
    for (const json& peer : TRY(list_at(each, peers))) rule.peers.push_back(TRY(peer_from_json(peer)));
    for (const json& port : TRY(list_at(each, "ports"))) rule.ports.push_back(TRY(port_from_json(port)));
    rules.push_back(std::move(rule));
  }
  return rules;
}

bool fits(const Selector::Requirement& requirement, const Labels& labels) {
  const auto found = labels.find(requirement.key);
  const bool there = found != labels.end();
  const bool among = there && std::find(requirement.values.begin(), requirement.values.end(), found->second) !=
                                  requirement.values.end();
  switch (requirement.op) {
    case Selector::Operator::kIn: return among;
    case Selector::Operator::kNotIn: return !among;  // one without the label fits, too
    case Selector::Operator::kExists: return there;
    case Selector::Operator::kDoesNotExist: return !there;
  }
  return false;
}

}  // namespace

bool Selector::selects(const Labels& labels) const {
  return std::all_of(all.begin(), all.end(), [&](const Requirement& each) { return fits(each, labels); });
}

const char* name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp: return "tcp";
    case Protocol::kUdp: return "udp";
    case Protocol::kSctp: return "sctp";
  }
  return "tcp";
}

Labels labels_of(const json& object) {
  Labels labels;
  const json& found = member(member(object, "metadata"), "labels");
  if (!found.is_object()) return labels;
  for (const auto& [key, value] : found.items())
    if (value.is_string()) labels[key] = value.get<std::string>();
  return labels;
}

Result<Selector> selector_from_json(const json& object) {
  if (!object.is_object()) return fail("a selector that is no object");
  Selector selector;
  if (const json& labels = member(object, "matchLabels"); labels.is_object())
    for (const auto& [key, value] : labels.items())
      selector.all.push_back({key, Selector::Operator::kIn, {value.is_string() ? value.get<std::string>() : ""}});
  for (const json& each : TRY(list_at(object, "matchExpressions"))) {
    Selector::Requirement requirement;
    requirement.key = text_at(each, "key");
    const std::string op = text_at(each, "operator");
    if (op == "In")
      requirement.op = Selector::Operator::kIn;
    else if (op == "NotIn")
      requirement.op = Selector::Operator::kNotIn;
    else if (op == "Exists")
      requirement.op = Selector::Operator::kExists;
    else if (op == "DoesNotExist")
      requirement.op = Selector::Operator::kDoesNotExist;
    else
      return fail("\"" + op + "\" is no operator of a selector");
    for (const json& value : TRY(list_at(each, "values")))
      if (value.is_string()) requirement.values.push_back(value.get<std::string>());
    selector.all.push_back(std::move(requirement));
  }
  return selector;
}

Result<NetworkPolicy> policy_from_json(const json& object) {
  const json& spec = member(object, "spec");
  NetworkPolicy policy;
  policy.ns = text_at(member(object, "metadata"), "namespace");
  policy.name = text_at(member(object, "metadata"), "name");
  policy.pods = TRY(selector_from_json(spec.contains("podSelector") ? spec["podSelector"] : json::object()));
  std::vector<json> types = TRY(list_at(spec, "policyTypes"));
  // What the API server fills in where there is no list.
  if (types.empty()) {
    types.emplace_back("Ingress");
    if (spec.contains("egress")) types.emplace_back("Egress");
  }
  for (const json& type : types) {
    if (type == "Ingress") policy.ingress = TRY(rules_from_json(spec, "ingress", "from"));
    if (type == "Egress") policy.egress = TRY(rules_from_json(spec, "egress", "to"));
  }
  return policy;
}

Result<PolicyPod> pod_from_json(const json& object) {
  const json& metadata = member(object, "metadata");
  const json& spec = member(object, "spec");
  PolicyPod pod;
  pod.uid = text_at(metadata, "uid");
  pod.ns = text_at(metadata, "namespace");
  pod.name = text_at(metadata, "name");
  if (pod.uid.empty()) return fail("a pod without a uid");
  pod.labels = labels_of(object);
  pod.host_network = member(spec, "hostNetwork") == json(true);
  for (const char* kind : {"initContainers", "containers"})
    for (const json& container : TRY(list_at(spec, kind)))
      for (const json& port : TRY(list_at(container, "ports")))
        if (const std::string name = text_at(port, "name"); !name.empty())
          pod.ports.push_back({name, TRY(protocol_of(port)), TRY(port_number(member(port, "containerPort")))});
  return pod;
}

}  // namespace sublet::launcher
