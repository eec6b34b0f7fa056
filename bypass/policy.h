// SPDX-License-Identifier: Apache-2.0
// Which way a connection goes: as the host's own, or through the pod's network namespace as if there were no bypass.
// Pure. Anything that is not surely a host's matter is the pod's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cidr.h"
#include "bypass/endpoint.h"

namespace sublet::bypass {

/// Why a socket is the pod's after all, or never was anything else. Counted; the names are those of `status --net`.
enum class Reason : std::uint8_t {
  kNone,            // it is the host's
  kLoopback,        // 127/8, ::1, and the unspecified addresses, which mean loopback in Linux
  kCluster,         // pods, Services, the node
  kLinkLocal,       // 169.254/16 (metadata services), fe80::/10
  kMulticast,       // 224/4, ff00::/8, broadcast, and the reserved 240/4
  kDenied,          // the site's deny list
  kIpv6,            // the pod has no IPv6 of its own
  kOtherDevice,     // the host would use another network device than the cluster's
  kHostAddress,     // an address of the host on another device
  kNoRoute,         // the host has no way there
  kServer,          // bind or listen
  kOption,          // an option that a host's socket cannot have
  kInterfaces,      // asked for the namespace's interfaces (SIOCGIF…)
  kOtherNamespace,  // the program has unshared its network namespace
  kNetworkPolicy,   // a NetworkPolicy holds the pod, which only the cluster's own network can hold to
  kResources,       // the broker had no descriptor or socket left
  kCount,
};
[[nodiscard]] const char* name_of(Reason reason);

/// A route of the host, of the main or local table.
struct HostRoute {
  Cidr prefix;
  int device = 0;        // interface index
  bool local = false;    // an address of the host itself
  bool blocked = false;  // unreachable, prohibit, blackhole
  std::uint32_t metric = 0;
};

struct PolicyFacts {
  std::vector<Cidr> cluster;  // prefixes of pods, Services and node
  std::vector<Cidr> denied;
  bool pods_have_ipv6 = false;
  int device = 0;  // the one that host sockets are bound to
  std::vector<HostRoute> routes;
};

/// What `connect` to this endpoint shall be: kNone means the host's.
[[nodiscard]] Reason decide(const PolicyFacts& facts, const Endpoint& to);

/// The route that the host takes: the longest prefix, then the lowest metric. nullptr: none.
[[nodiscard]] const HostRoute* route_to(const std::vector<HostRoute>& routes, const IpAddress& address);

/// The device of the host's default route, IPv4's first; else of its widest route to elsewhere. 0: there is none.
[[nodiscard]] int main_device(const std::vector<HostRoute>& routes);

}  // namespace sublet::bypass
