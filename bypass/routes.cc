// SPDX-License-Identifier: Apache-2.0
#include "bypass/routes.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/handle.h"
#include "base/sys.h"

namespace sublet::bypass {
namespace {

using NlSocket = Handle<nl_sock, ::nl_socket_free>;
using NlCache = Handle<nl_cache, ::nl_cache_free>;

std::optional<HostRoute> host_route(rtnl_route* from) {
  const std::uint32_t table = rtnl_route_get_table(from);
  if (table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL) return std::nullopt;
  nl_addr* destination = rtnl_route_get_dst(from);
  if (destination == nullptr) return std::nullopt;
  const int family = nl_addr_get_family(destination);
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  IpAddress address;
  address.v6 = family == AF_INET6;
  const unsigned length = nl_addr_get_prefixlen(destination);
  // A default route's address has no bytes at all.
  if (nl_addr_get_len(destination) > address.bits() / 8 || length > address.bits()) return std::nullopt;
  std::memcpy(address.bytes.data(), nl_addr_get_binary_addr(destination), nl_addr_get_len(destination));
  HostRoute route;
  route.prefix = network_of(address, length);
  const int type = rtnl_route_get_type(from);
  route.local = type == RTN_LOCAL;
  route.blocked = type != RTN_UNICAST && type != RTN_LOCAL;
  route.metric = rtnl_route_get_priority(from);
  // Of a multipath route the first: which one the kernel takes is not known before it does.
  if (rtnl_nexthop* hop = rtnl_route_nexthop_n(from, 0); hop != nullptr) route.device = rtnl_route_nh_get_ifindex(hop);
  return route;
}

}  // namespace

Result<std::vector<HostRoute>> read_host_routes() {
  NlSocket socket(nl_socket_alloc());
  if (!socket) return fail("no memory for a netlink socket");
  if (int error = nl_connect(socket.get(), NETLINK_ROUTE); error != 0)
    return fail(std::string("netlink: ") + nl_geterror(error));
  nl_cache* filled = nullptr;
  if (int error = rtnl_route_alloc_cache(socket.get(), AF_UNSPEC, 0, &filled); error != 0)
    return fail(std::string("reading the host's routes: ") + nl_geterror(error));
  NlCache cache(filled);
  std::vector<HostRoute> routes;
  for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object))
    if (auto route = host_route(reinterpret_cast<rtnl_route*>(object))) routes.push_back(*route);
  return routes;
}

Result<RouteWatch> RouteWatch::create() {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!socket) return fail_errno("netlink");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_LINK;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("watching the host's routes");
  return RouteWatch(std::move(socket));
}

void RouteWatch::drain() const {
  std::array<std::byte, 8192> buffer;
  // An overrun (ENOBUFS) means the same as a message: something has changed.
  while (::recv(socket_.get(), buffer.data(), buffer.size(), 0) > 0 || errno == ENOBUFS || errno == EINTR) errno = 0;
}

// By hand, as if_nametoindex(3) would make a socket of a family that the broker may not have (sandbox.h).
int device_index(const std::string& name) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  if (!socket || name.size() >= sizeof request.ifr_name) return 0;
  std::memcpy(request.ifr_name, name.data(), name.size());
  return ::ioctl(socket.get(), SIOCGIFINDEX, &request) == 0 ? request.ifr_ifindex : 0;
}

std::string device_name(int index) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  request.ifr_ifindex = index;
  if (index <= 0 || !socket || ::ioctl(socket.get(), SIOCGIFNAME, &request) != 0) return "";
  return request.ifr_name;
}

}  // namespace sublet::bypass
