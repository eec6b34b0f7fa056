// SPDX-License-Identifier: Apache-2.0
#include "bypass/policy.h"

#include <algorithm>
#include <array>

namespace sublet::bypass {
namespace {

constexpr std::array<const char*, static_cast<std::size_t>(Reason::kCount)> kNames = {
    "bypassed",   "loopback",        "cluster",        "link-local", "multicast", "denied",
    "ipv6",       "other-device",    "host-address",   "no-route",   "server",    "option",
    "interfaces", "other-namespace", "network-policy", "resources"};

// By hand and not by prefixes: this is asked for every connection.
Reason special_v4(const std::array<std::uint8_t, 16>& bytes) {
  constexpr std::uint8_t kLoopbackNet = 127;
  constexpr std::uint8_t kFirstMulticast = 224;
  if (bytes[0] == kLoopbackNet) return Reason::kLoopback;
  // RFC 1122 §3.2.1.3: «this» network. 0.0.0.0 is loopback to Linux's connect, the rest goes nowhere.
  if (bytes[0] == 0) return Reason::kLoopback;
  if (bytes[0] == 169 && bytes[1] == 254) return Reason::kLinkLocal;
  if (bytes[0] >= kFirstMulticast) return Reason::kMulticast;
  return Reason::kNone;
}

Reason special_v6(const std::array<std::uint8_t, 16>& bytes) {
  const bool zero_start = std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t byte) { return byte == 0; });
  if (zero_start && bytes.back() <= 1) return Reason::kLoopback;  // :: and ::1
  if (bytes[0] == 0xff) return Reason::kMulticast;
  if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) return Reason::kLinkLocal;
  return Reason::kNone;
}

bool any_contains(const std::vector<Cidr>& prefixes, const IpAddress& address) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const Cidr& each) { return contains(each, address); });
}

}  // namespace

const char* name_of(Reason reason) { return kNames[static_cast<std::size_t>(reason)]; }

Reason decide(const PolicyFacts& facts, const Endpoint& to) {
  const Reason special = to.address.v6 ? special_v6(to.address.bytes) : special_v4(to.address.bytes);
  if (special != Reason::kNone) return special;
  if (any_contains(facts.cluster, to.address)) return Reason::kCluster;
  if (any_contains(facts.denied, to.address)) return Reason::kDenied;
  if (to.address.v6 && !facts.pods_have_ipv6) return Reason::kIpv6;
  const HostRoute* route = route_to(facts.routes, to.address);
  if (route == nullptr || route->blocked) return Reason::kNoRoute;
  // The host's address on the cluster's own device may be bound to and reached by a socket of that device.
  if (route->device != facts.device) return route->local ? Reason::kHostAddress : Reason::kOtherDevice;
  return Reason::kNone;
}

const HostRoute* route_to(const std::vector<HostRoute>& routes, const IpAddress& address) {
  const HostRoute* best = nullptr;
  for (const HostRoute& route : routes) {
    if (!contains(route.prefix, address)) continue;
    if (best == nullptr || route.prefix.length > best->prefix.length ||
        (route.prefix.length == best->prefix.length &&
         (route.local > best->local || (route.local == best->local && route.metric < best->metric))))
      best = &route;
  }
  return best;
}

int main_device(const std::vector<HostRoute>& routes) {
  const HostRoute* best = nullptr;
  auto better = [](const HostRoute& a, const HostRoute& b) {
    if (a.prefix.length != b.prefix.length) return a.prefix.length < b.prefix.length;
    if (a.prefix.address.v6 != b.prefix.address.v6) return !a.prefix.address.v6;
    return a.metric < b.metric;
  };
  for (const HostRoute& route : routes) {
    if (route.local || route.blocked || route.device == 0) continue;
    const Endpoint start{route.prefix.address, 0, false, 0};
    const bool everything = route.prefix.length == 0;
    const bool special =
        (start.address.v6 ? special_v6(start.address.bytes) : special_v4(start.address.bytes)) != Reason::kNone;
    if (special && !everything) continue;  // fe80::/64, ff00::/8 and the like lead nowhere else
    if (best == nullptr || better(route, *best)) best = &route;
  }
  return best == nullptr ? 0 : best->device;
}

}  // namespace sublet::bypass
