// SPDX-License-Identifier: Apache-2.0
// Network links of the namespace that the caller is in, by rtnetlink (libnl). Needs CAP_NET_ADMIN over it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cidr.h"
#include "base/result.h"

namespace sublet::netns {

/// An address on a link, with the length of its on-link prefix.
struct LinkAddress {
  IpAddress address;
  unsigned prefix_length = 0;
};

/// How an existing link shall be.
struct LinkPlan {
  std::string name;
  std::uint32_t mtu = 0;               // 0: left as it is
  std::vector<LinkAddress> addresses;  // of both families
  std::vector<IpAddress> gateways;     // a default route through each; at most one of each family
  std::vector<Cidr> on_link;           // further prefixes that are routed to the link itself
  std::vector<Cidr> prohibited;  // prefixes that are refused at once (EACCES, ICMP «administratively prohibited»)
};

/// Sets lo up; the kernel then gives it 127.0.0.1 and ::1.
Result<void> bring_up_loopback();
/// A dummy link: stands in for the tap where there is none, so that the node has an address and a default route. Where
/// the kernel has no dummy driver, a bridge without ports, which does the same.
Result<void> create_dummy(const std::string& name);
/// MTU, up, addresses (IPv6 without duplicate address detection: there is nobody else on the link, and it would cost a
/// second), default routes. Stops at the first error; what is there already (EEXIST) is one.
Result<void> configure_link(const LinkPlan& plan);
Result<void> delete_link(const std::string& name);

/// Every prefix that a route of any table of this namespace leads to (the local table too), default routes included.
[[nodiscard]] Result<std::vector<Cidr>> read_routes();

}  // namespace sublet::netns
