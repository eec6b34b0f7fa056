// SPDX-License-Identifier: Apache-2.0
// What the tap driver is told: the little network that libslirp plays. A plain value, checked, to and from JSON. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.h"
#include "base/result.h"
#include "netns/link.h"
#include "netns/resolv_conf.h"

namespace sublet::netns {

/// libslirp's limit (IF_MTU_MAX 65521), rounded down as slirp4netns does.
inline constexpr std::uint32_t kMaxTapMtu = 65520;
inline constexpr std::uint32_t kMinTapMtu = 576;           // RFC 791: what every host must take
inline constexpr std::uint32_t kMinTapMtuWithIpv6 = 1280;  // RFC 8200 §5

/// One family's addresses: `gateway` and `dns` are libslirp's, `guest` is the tap's. All inside `prefix`.
struct TapSubnet {
  Cidr prefix;
  IpAddress gateway;
  IpAddress dns;
  IpAddress guest;
  [[nodiscard]] bool operator==(const TapSubnet&) const = default;
};

struct TapOrders {
  TapSubnet v4;
  std::optional<TapSubnet> v6;
  std::uint32_t mtu = kMaxTapMtu;
  std::string resolv_conf;   // what libslirp reads: resolv_conf_for_driver()
  std::vector<Cidr> denied;  // networks that nothing is passed on to
  [[nodiscard]] bool operator==(const TapOrders&) const = default;
};

/// The usual numbers inside the prefixes: gateway .2, name server .3, guest .100 or ::100 (.4 where the prefix is too
/// small). Errors as check().
[[nodiscard]] Result<TapOrders> make_tap_orders(const Cidr& v4, const std::optional<Cidr>& v6, std::uint32_t mtu,
                                                std::string resolv_conf);

/// Nothing if libslirp can play this network; else what is wrong: addresses outside of their prefix or equal to one
/// another, an IPv6 prefix that is not a /64, an MTU out of range, a resolv.conf above 64 KiB.
Result<void> check(const TapOrders& orders);

[[nodiscard]] std::string to_json(const TapOrders& orders);
/// Checked. Unknown keys and wrong types are errors.
[[nodiscard]] Result<TapOrders> tap_orders_from_json(std::string_view text);

/// How the tap of these orders is set up inside.
[[nodiscard]] LinkPlan tap_link(const TapOrders& orders, const std::string& name);
/// For resolv_conf_inside(): libslirp's name servers that have one of the host's behind them. May be empty: the host
/// has IPv6 name servers only and the orders have no IPv6.
[[nodiscard]] std::vector<IpAddress> virtual_name_servers(const TapOrders& orders, const ResolvConf& host);

}  // namespace sublet::netns
