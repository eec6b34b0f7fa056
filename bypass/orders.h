// SPDX-License-Identifier: Apache-2.0
// What the broker is told at its start: a plain value, to and from JSON. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.h"
#include "base/result.h"

namespace sublet::bypass {

// Descriptors that the broker is born with.
inline constexpr int kOrdersFd = 3;  // this, on a sealed memfd
inline constexpr int kKeeperFd = 4;  // a SOCK_SEQPACKET pair's end; the other is the keeper's
inline constexpr int kStatusFd = 5;  // a listening SOCK_SEQPACKET socket: whoever connects and says "status" gets it
inline constexpr int kUserNamespaceFd = 6;  // the cluster's
inline constexpr int kReadyFd = 7;          // one byte once listeners are served; end of file ends the broker
inline constexpr int kPortsFd = 8;  // of a SOCK_SEQPACKET pair: which ports lead to pods (host_ports.h); if `ports`
inline constexpr int kNodeNetworkFd = 9;  // the network namespace of the cluster's node; if `ports`

struct BrokerOrders {
  std::string device;         // the network device that host sockets are bound to; empty: the default route's
  std::vector<Cidr> cluster;  // prefixes of pods, Services and node
  std::vector<Cidr> denied;   // the site's deny list
  bool pods_have_ipv6 = false;
  bool policies = false;  // the keeper tells of isolated pods (isolation.h): until it has, all are
  bool ports = false;     // it serves ports of the host

  bool operator==(const BrokerOrders&) const = default;
};

[[nodiscard]] std::string to_json(const BrokerOrders& orders);
[[nodiscard]] Result<BrokerOrders> broker_orders_from_json(std::string_view text);

}  // namespace sublet::bypass
