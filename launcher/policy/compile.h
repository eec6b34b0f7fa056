// SPDX-License-Identifier: Apache-2.0
// From NetworkPolicies, pods and namespaces to what a packet filter can hold to: for each pod that is isolated in a
// direction, the list of what is allowed. Pure. The rules are those of
// https://kubernetes.io/docs/concepts/services-networking/network-policies/ :
// - a pod is isolated in a direction if any policy of its namespace selects it and speaks of that direction;
// - what any of these policies allows, is allowed; what none does, is not;
// - a connection needs both the sender's and the receiver's side to allow it; answers to it need nothing;
// - nobody is kept from itself, nor from the node that it runs on.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "launcher/policy/values.h"

namespace sublet::launcher {

/// What the compiler is given.
struct PolicyWorld {
  std::vector<NetworkPolicy> policies;
  std::vector<PolicyPod> pods;
  std::map<std::string, Labels> namespaces;
  std::map<std::string, IpAddress> addresses;  // of pods that have one, by uid
};

/// One way to be allowed: the other side is one of these, and the port one of those.
struct Allowance {
  struct Block {
    Cidr prefix;
    std::vector<Cidr> except;
    bool operator==(const Block&) const = default;
  };
  struct Ports {
    Protocol protocol = Protocol::kTcp;
    std::uint16_t first = 0;
    std::uint16_t last = 65535;
    bool operator==(const Ports&) const = default;
  };
  // A named port is another number in each pod: these receivers by these numbers.
  struct Named {
    IpAddress receiver;
    Protocol protocol = Protocol::kTcp;
    std::uint16_t number = 0;
    bool operator==(const Named&) const = default;
  };
  bool anybody = false;
  std::vector<Block> blocks;
  std::vector<IpAddress> pods;
  bool any_port = false;
  std::vector<Ports> ports;
  std::vector<Named> named;

  bool operator==(const Allowance&) const = default;
};

struct Direction {
  std::vector<std::vector<Allowance>> lists;
  std::map<IpAddress, std::size_t> pods;  // the isolated ones: which list is theirs

  bool operator==(const Direction&) const = default;
};

struct PolicyVerdicts {
  bool any = false;  // is there a policy at all? If not, nobody is held to anything
  Direction egress;
  Direction ingress;
  std::vector<IpAddress> known;  // all pods with an address
  /// By namespace in which a policy speaks of egress: the uids of the pods there that none selects. So a pod that
  /// nobody has heard of yet counts as isolated.
  std::map<std::string, std::vector<std::string>> free_to_leave;

  bool operator==(const PolicyVerdicts&) const = default;
};

[[nodiscard]] PolicyVerdicts compile(const PolicyWorld& world);

}  // namespace sublet::launcher
