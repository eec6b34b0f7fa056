// SPDX-License-Identifier: Apache-2.0
// From Services, EndpointSlices, pods and what was asked for by `expose` to the ports that the host shall have. Pure.
// The rules:
// - an endpoint is one that is ready; if none is, one that ends and still serves (as kube-proxy has it);
// - TCP alone; a port of another protocol is left out, and said so;
// - there is one host: externalTrafficPolicy and internalTrafficPolicy, which choose among hosts, mean the same here;
// - a NetworkPolicy of ingress that selects an endpoint's pod keeps those out who are not the owner, but for clients in
//   its blocks of addresses (from outside nobody is a pod). Of a pod that is not known yet in a namespace with such a
//   policy it is taken that it is selected, and that nobody is let in;
// - loadBalancerSourceRanges say whom of those a LoadBalancer's port is for;
// - a pod on the node's network has its declared ports on the host, as it would have on a node of its own. Policies do
//   not hold it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bypass/port_table.h"
#include "launcher/services/values.h"

namespace sublet::launcher {

/// `sublet expose`: one port of a Service.
struct Exposed {
  std::string ns;
  std::string name;
  std::uint16_t port = 0;    // the Service's
  std::uint16_t wanted = 0;  // of the host; 0: any
  bool open = false;
};

struct PortSettings {
  std::uint16_t offset = 0;  // added to ports under 1024; 0: they are asked for as they are
  bool open = false;         // NodePort, LoadBalancer and hostPort without a word of their own answer everybody
};

struct ServiceWorld {
  std::vector<ServiceObject> services;
  std::vector<SliceObject> slices;
  std::vector<PodObject> pods;
  std::vector<NetworkPolicy> policies;
};

enum class PortKind : std::uint8_t { kExpose, kNodePort, kLoadBalancer, kHostPort };
[[nodiscard]] const char* name_of(PortKind kind);

/// A port that somebody wants, and whose it is.
struct WantedPort {
  PortKind kind = PortKind::kExpose;
  std::string ns;
  std::string name;        // the Service's, or the pod's
  std::string port_name;   // the Service's port's
  std::uint16_t port = 0;  // the Service's, or the container's
  bool only_one = true;    // the Service has no other TCP port
  bypass::HostPort host;   // what the broker is told
  std::string error;       // it is not asked for, because of this
};

/// `last`: the numbers that ports without a wish had before, by key.
[[nodiscard]] std::vector<WantedPort> wanted_ports(const ServiceWorld& world, const std::vector<Exposed>& exposed,
                                                   const PortSettings& settings,
                                                   const std::map<std::string, std::uint16_t>& last);

/// "expose default/redis:6379".
[[nodiscard]] std::string key_of(PortKind kind, const std::string& ns, const std::string& name, std::uint16_t port);

}  // namespace sublet::launcher
