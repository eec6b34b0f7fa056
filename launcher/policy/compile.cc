// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/compile.h"

#include <algorithm>

namespace sublet::launcher {
namespace {

enum class Side : std::uint8_t { kIngress, kEgress };

class Compiler {
 public:
  explicit Compiler(const PolicyWorld& world) : world_(world) {}

  PolicyVerdicts run() {
    PolicyVerdicts verdicts;
    verdicts.any = !world_.policies.empty();
    for (const PolicyPod& pod : world_.pods)
      if (auto address = address_of(pod)) verdicts.known.push_back(*address);
    std::sort(verdicts.known.begin(), verdicts.known.end());
    for (const NetworkPolicy& policy : world_.policies)
      if (policy.egress) verdicts.free_to_leave[policy.ns];
    for (auto& [ns, free] : verdicts.free_to_leave) {
      for (const PolicyPod& pod : world_.pods)
        if (pod.ns == ns && policies_of(pod, Side::kEgress).empty()) free.push_back(pod.uid);
      std::sort(free.begin(), free.end());
    }
    verdicts.egress = direction(Side::kEgress);
    verdicts.ingress = direction(Side::kIngress);
    return verdicts;
  }

 private:
  [[nodiscard]] std::optional<IpAddress> address_of(const PolicyPod& pod) const {
    // One on the host's network has the node's address: no policy can tell it from the node.
    if (pod.host_network) return std::nullopt;
    const auto found = world_.addresses.find(pod.uid);
    if (found == world_.addresses.end() || found->second.v6) return std::nullopt;
    return found->second;
  }

  static const std::optional<std::vector<PolicyRule>>& rules(const NetworkPolicy& policy, Side side) {
    return side == Side::kIngress ? policy.ingress : policy.egress;
  }

  // Those that isolate this pod in this direction, by their number.
  [[nodiscard]] std::vector<std::size_t> policies_of(const PolicyPod& pod, Side side) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < world_.policies.size(); ++i) {
      const NetworkPolicy& policy = world_.policies[i];
      if (policy.ns == pod.ns && rules(policy, side) && policy.pods.selects(pod.labels)) found.push_back(i);
    }
    return found;
  }

  // Pods of the same policies have a list in common.
  [[nodiscard]] Direction direction(Side side) const {
    Direction result;
    std::map<std::vector<std::size_t>, std::size_t> lists;
    for (const PolicyPod& pod : world_.pods) {
      const auto address = address_of(pod);
      if (!address) continue;
      const std::vector<std::size_t> policies = policies_of(pod, side);
      if (policies.empty()) continue;
      const auto [list, added] = lists.emplace(policies, result.lists.size());
      if (added) result.lists.push_back(allowances(policies, side));
      result.pods.emplace(*address, list->second);
    }
    return result;
  }

  [[nodiscard]] std::vector<Allowance> allowances(const std::vector<std::size_t>& policies, Side side) const {
    std::vector<Allowance> list;
    for (const std::size_t each : policies) {
      const NetworkPolicy& policy = world_.policies[each];
      for (const PolicyRule& rule : *rules(policy, side)) {
        Allowance allowance = peers(policy, rule);
        ports(policy, rule, side, allowance);
        const bool nobody = !allowance.anybody && allowance.blocks.empty() && allowance.pods.empty();
        const bool nowhere = !allowance.any_port && allowance.ports.empty() && allowance.named.empty();
        if (!nobody && !nowhere) list.push_back(std::move(allowance));
      }
    }
    return list;
  }

  [[nodiscard]] Allowance peers(const NetworkPolicy& policy, const PolicyRule& rule) const {
    Allowance allowance;
    allowance.anybody = rule.peers.empty();
    for (const PolicyPeer& peer : rule.peers) {
      if (!peer.block) {
        for (const PolicyPod& pod : world_.pods)
          if (auto address = address_of(pod); address && is_peer(policy, peer, pod)) allowance.pods.push_back(*address);
      } else if (!peer.block->address.v6) {
        allowance.blocks.push_back({*peer.block, peer.except});
      }
    }
    std::sort(allowance.pods.begin(), allowance.pods.end());
    allowance.pods.erase(std::unique(allowance.pods.begin(), allowance.pods.end()), allowance.pods.end());
    return allowance;
  }

  [[nodiscard]] bool is_peer(const NetworkPolicy& policy, const PolicyPeer& peer, const PolicyPod& pod) const {
    if (peer.namespaces) {
      const auto labels = world_.namespaces.find(pod.ns);
      if (labels == world_.namespaces.end() || !peer.namespaces->selects(labels->second)) return false;
    } else if (pod.ns != policy.ns) {
      return false;
    }
    return !peer.pods || peer.pods->selects(pod.labels);
  }

  void ports(const NetworkPolicy& policy, const PolicyRule& rule, Side side, Allowance& allowance) const {
    allowance.any_port = rule.ports.empty();
    for (const PolicyPort& port : rule.ports) {
      if (port.name.empty()) {
        allowance.ports.push_back({port.protocol, port.first, port.last});
        continue;
      }
      // The name is one of the receiver's: of the selected pods themselves, or of the peers.
      for (const PolicyPod& pod : world_.pods) {
        const auto address = address_of(pod);
        if (!address) continue;
        const bool receives =
            side == Side::kIngress
                ? pod.ns == policy.ns && policy.pods.selects(pod.labels)
                : allowance.anybody || std::binary_search(allowance.pods.begin(), allowance.pods.end(), *address);
        if (!receives) continue;
        for (const NamedPort& each : pod.ports)
          if (each.name == port.name && each.protocol == port.protocol)
            allowance.named.push_back({*address, each.protocol, each.number});
      }
    }
  }

  const PolicyWorld& world_;
};

}  // namespace

PolicyVerdicts compile(const PolicyWorld& world) { return Compiler(world).run(); }

}  // namespace sublet::launcher
