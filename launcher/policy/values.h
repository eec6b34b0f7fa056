// SPDX-License-Identifier: Apache-2.0
// NetworkPolicies, pods and namespaces as plain values: what of the API's objects matters to who may talk to whom.
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/cidr.h"
#include "base/result.h"

namespace sublet::launcher {

using Labels = std::map<std::string, std::string>;

/// A label selector; an empty one selects everything.
struct Selector {
  enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist };
  struct Requirement {
    std::string key;
    Operator op = Operator::kIn;
    std::vector<std::string> values;
  };
  std::vector<Requirement> all;

  [[nodiscard]] bool selects(const Labels& labels) const;
};

enum class Protocol : std::uint8_t { kTcp, kUdp, kSctp };
[[nodiscard]] const char* name_of(Protocol protocol);  // as nft has it

struct NamedPort {
  std::string name;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t number = 0;
};

struct PolicyPort {
  Protocol protocol = Protocol::kTcp;
  std::string name;  // of a container's port; or else
  std::uint16_t first = 0;
  std::uint16_t last = 65535;
};

struct PolicyPeer {
  // Either a block …
  std::optional<Cidr> block;
  std::vector<Cidr> except;
  // … or pods: of the policy's own namespace where no namespaces are selected, and all where no pods are.
  std::optional<Selector> pods;
  std::optional<Selector> namespaces;
};

/// From or to any of the peers, by any of the ports; none means all.
struct PolicyRule {
  std::vector<PolicyPeer> peers;
  std::vector<PolicyPort> ports;
};

struct NetworkPolicy {
  std::string ns;
  std::string name;
  Selector pods;
  std::optional<std::vector<PolicyRule>> ingress;  // not there: it says nothing about that direction
  std::optional<std::vector<PolicyRule>> egress;
};

struct PolicyPod {
  std::string uid;
  std::string ns;
  std::string name;
  Labels labels;
  std::vector<NamedPort> ports;
  bool host_network = false;
};

/// Errors say what is not as the API has it. A peer of IPv6 is one that no pod here has.
[[nodiscard]] Result<NetworkPolicy> policy_from_json(const nlohmann::json& object);
[[nodiscard]] Result<PolicyPod> pod_from_json(const nlohmann::json& object);
[[nodiscard]] Result<Selector> selector_from_json(const nlohmann::json& object);
[[nodiscard]] Labels labels_of(const nlohmann::json& object);

}  // namespace sublet::launcher
