// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

namespace sublet::launcher {
namespace {

constexpr std::uint16_t kFirstFree = 1024;  // below, a port takes a privilege
constexpr std::uint32_t kLastPort = 65535;

const char* upper_name(Protocol protocol) {
  return protocol == Protocol::kUdp ? "UDP" : protocol == Protocol::kSctp ? "SCTP" : "TCP";
}

bool is_of(const PolicyRule& rule, std::uint16_t port, const PodObject& pod) {
  const auto fits = [&](const PolicyPort& each) {
    if (each.protocol != Protocol::kTcp) return false;
    if (each.name.empty()) return each.first <= port && port <= each.last;
    return std::any_of(pod.named.begin(), pod.named.end(), [&](const NamedPort& named) {
      return named.name == each.name && named.protocol == Protocol::kTcp && named.number == port;
    });
  };
  return rule.ports.empty() || std::any_of(rule.ports.begin(), rule.ports.end(), fits);
}

// What does not fit in is not let in.
void add_blocks(const PolicyRule& rule, std::vector<bypass::AddressBlock>& blocks) {
  const auto add = [&](const Cidr& block, const std::vector<Cidr>& except) {
    if (blocks.size() < bypass::kMostBlocks && except.size() <= bypass::kMostBlocks) blocks.push_back({block, except});
  };
  if (rule.peers.empty())
    for (const char* any : {"0.0.0.0", "::"}) add(network_of(*parse_ip(any), 0), {});
  for (const PolicyPeer& peer : rule.peers)
    if (peer.block) add(*peer.block, peer.except);
}

// Of two blocks one holds the other, or they have nothing in common.
void narrow(bypass::PortEndpoint& endpoint, const std::vector<Cidr>& ranges) {
  std::vector<bypass::AddressBlock> both;
  const auto add = [&](const Cidr& block, const std::vector<Cidr>& except) {
    if (both.size() < bypass::kMostBlocks) both.push_back({block, except});
  };
  for (const Cidr& range : ranges) {
    if (!endpoint.isolated) add(range, {});
    for (const bypass::AddressBlock& each : endpoint.from)
      if (overlap(range, each.block)) add(range.length > each.block.length ? range : each.block, each.except);
  }
  endpoint.isolated = true;
  endpoint.from = std::move(both);
}

class Compiler {
 public:
  Compiler(const ServiceWorld& world, const PortSettings& settings, const std::map<std::string, std::uint16_t>& last)
      : world_(world), settings_(settings), last_(last) {}

  std::vector<WantedPort> run(const std::vector<Exposed>& exposed) {
    for (const Exposed& each : exposed) expose(each);
    for (const ServiceObject& service : world_.services) {
      for (const ServicePort& port : service.ports) {
        if (port.node_port != 0) add(service, port, PortKind::kNodePort, port.node_port);
        // One with a class is somebody else's to serve (spec.loadBalancerClass).
        if (service.type == "LoadBalancer" && service.load_balancer_class.empty())
          add(service, port, PortKind::kLoadBalancer, shifted(port.port));
      }
    }
    for (const PodObject& pod : world_.pods)
      if (!pod.ended && !pod.address.empty())
        for (const PodPort& port : pod.ports) host_port(pod, port);
    // One key twice would make the whole table one that the broker does not take.
    std::set<std::string> keys;
    std::erase_if(wanted_, [&](const WantedPort& each) { return !keys.insert(each.host.key).second; });
    return std::move(wanted_);
  }

 private:
  // 0: there is no such port.
  [[nodiscard]] std::uint16_t shifted(std::uint16_t port) const {
    const std::uint32_t sum = port < kFirstFree ? std::uint32_t{port} + settings_.offset : port;
    return sum <= kLastPort ? static_cast<std::uint16_t>(sum) : 0;
  }

  void expose(const Exposed& wish) {
    const auto service = std::find_if(world_.services.begin(), world_.services.end(), [&](const ServiceObject& each) {
      return each.ns == wish.ns && each.name == wish.name;
    });
    if (service == world_.services.end()) return gone(wish, "there is no such Service any more");
    const auto port = std::find_if(service->ports.begin(), service->ports.end(), [&](const ServicePort& each) {
      return each.port == wish.port && each.protocol == Protocol::kTcp;
    });
    if (port == service->ports.end()) return gone(wish, "the Service has no such port any more");
    WantedPort& wanted = add(*service, *port, PortKind::kExpose, shifted(wish.wanted));
    wanted.host.open = wish.open;
  }

  void gone(const Exposed& wish, const char* why) {
    WantedPort wanted{PortKind::kExpose, wish.ns, wish.name, "", wish.port, true, {}, why};
    wanted.host.key = key_of(PortKind::kExpose, wish.ns, wish.name, wish.port);
    wanted_.push_back(std::move(wanted));
  }

  WantedPort& add(const ServiceObject& service, const ServicePort& port, PortKind kind, std::uint16_t number) {
    WantedPort wanted{kind, service.ns, service.name, port.name, port.port};
    wanted.only_one = std::count_if(service.ports.begin(), service.ports.end(),
                                    [](const ServicePort& each) { return each.protocol == Protocol::kTcp; }) <= 1;
    wanted.host.key = key_of(kind, service.ns, service.name, port.port);
    if (port.protocol != Protocol::kTcp) {
      wanted.host.key += fmt::format("/{}", upper_name(port.protocol));
      wanted.error = fmt::format("it is {}: ports of the host are for TCP alone", upper_name(port.protocol));
    } else if (number == 0 && kind != PortKind::kExpose) {
      wanted.error = "network.port_offset leads beyond the last port";
    }
    wanted.host.wanted = number;
    wanted.host.affinity = service.affinity;
    wanted.host.open = service.public_wish == "true" || (service.public_wish != "false" && settings_.open);
    wanted.host.endpoints = endpoints(service, port);
    if (kind == PortKind::kLoadBalancer && service.source_ranges)
      for (bypass::PortEndpoint& each : wanted.host.endpoints) narrow(each, *service.source_ranges);
    return push(std::move(wanted));
  }

  void host_port(const PodObject& pod, const PodPort& port) {
    WantedPort wanted{PortKind::kHostPort, pod.ns, pod.name, "", port.port};
    wanted.host.key = key_of(PortKind::kHostPort, pod.ns, pod.name, port.host_port);
    const auto host_ip = parse_ip(port.host_ip);
    // 0.0.0.0 and :: are no address of their own, but another way to say nothing.
    if (host_ip && host_ip->bytes != IpAddress{}.bytes) {
      wanted.host.address = host_ip;
      wanted.host.key += "@" + host_ip->text();
    }
    wanted.host.wanted = shifted(port.host_port);
    wanted.host.open = settings_.open;
    if (port.protocol != Protocol::kTcp) {
      wanted.host.key += fmt::format("/{}", upper_name(port.protocol));
      wanted.error = fmt::format("it is {}: ports of the host are for TCP alone", upper_name(port.protocol));
    } else if (!port.host_ip.empty() && !host_ip) {
      wanted.error = "hostIP is " + port.host_ip + ", which is no address";
    }
    if (const auto address = parse_ip(pod.address))
      wanted.host.endpoints.push_back(endpoint(*address, port.port, pod.ns, pod.uid));
    push(std::move(wanted));
  }

  WantedPort& push(WantedPort wanted) {
    if (const auto before = last_.find(wanted.host.key); before != last_.end() && wanted.host.wanted == 0)
      wanted.host.last = before->second;
    wanted_.push_back(std::move(wanted));
    return wanted_.back();
  }

  [[nodiscard]] std::vector<bypass::PortEndpoint> endpoints(const ServiceObject& service,
                                                            const ServicePort& port) const {
    // The cluster's own family first; one of both would be the same pod twice.
    for (const bool v6 : {false, true})
      for (const bool ready : {true, false})
        if (auto found = endpoints(service, port, v6, ready); !found.empty()) return found;
    return {};
  }

  [[nodiscard]] std::vector<bypass::PortEndpoint> endpoints(const ServiceObject& service, const ServicePort& port,
                                                            bool v6, bool ready) const {
    std::vector<bypass::PortEndpoint> found;
    for (const SliceObject& slice : world_.slices) {
      if (slice.ns != service.ns || slice.service != service.name || slice.v6 != v6) continue;
      // A slice's port has the name of the Service's; its number is what targetPort meant for these pods.
      for (const SlicePort& each : slice.ports)
        if (each.name == port.name && each.protocol == port.protocol && each.port != 0)
          add_endpoints(slice, each.port, ready, found);
    }
    // An endpoint may be in two slices for a while.
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return std::tie(a.address, a.port) < std::tie(b.address, b.port); });
    found.erase(std::unique(found.begin(), found.end()), found.end());
    if (found.size() > bypass::kMostEndpoints) found.resize(bypass::kMostEndpoints);
    return found;
  }

  void add_endpoints(const SliceObject& slice, std::uint16_t port, bool ready,
                     std::vector<bypass::PortEndpoint>& found) const {
    for (const SliceEndpoint& each : slice.endpoints) {
      if (ready ? !each.ready : !(each.serving && each.terminating)) continue;
      // All addresses of an endpoint lead to the same (Endpoint.addresses): the first.
      const auto address = each.addresses.empty() ? std::nullopt : parse_ip(each.addresses.front());
      if (address) found.push_back(endpoint(*address, port, slice.ns, each.pod_uid));
    }
  }

  [[nodiscard]] bypass::PortEndpoint endpoint(const IpAddress& address, std::uint16_t port, const std::string& ns,
                                              const std::string& uid) const {
    bypass::PortEndpoint made{address, port, uid, false, {}};
    const auto pod = std::find_if(world_.pods.begin(), world_.pods.end(),
                                  [&](const PodObject& each) { return !uid.empty() && each.uid == uid; });
    const bool known = pod != world_.pods.end();
    if (known && pod->host_network) return made;
    for (const NetworkPolicy& policy : world_.policies) {
      if (policy.ns != ns || !policy.ingress || (known && !policy.pods.selects(pod->labels))) continue;
      made.isolated = true;
      for (const PolicyRule& rule : *policy.ingress)
        if (known && is_of(rule, port, *pod)) add_blocks(rule, made.from);
    }
    return made;
  }

  const ServiceWorld& world_;
  const PortSettings& settings_;
  const std::map<std::string, std::uint16_t>& last_;
  std::vector<WantedPort> wanted_;
};

}  // namespace

const char* name_of(PortKind kind) {
  switch (kind) {
    case PortKind::kExpose: return "expose";
    case PortKind::kNodePort: return "NodePort";
    case PortKind::kLoadBalancer: return "LoadBalancer";
    case PortKind::kHostPort: return "hostPort";
  }
  return "";
}

std::string key_of(PortKind kind, const std::string& ns, const std::string& name, std::uint16_t port) {
  return fmt::format("{} {}/{}:{}", name_of(kind), ns, name, port);
}

std::vector<WantedPort> wanted_ports(const ServiceWorld& world, const std::vector<Exposed>& exposed,
                                     const PortSettings& settings, const std::map<std::string, std::uint16_t>& last) {
  return Compiler(world, settings, last).run(exposed);
}

}  // namespace sublet::launcher
