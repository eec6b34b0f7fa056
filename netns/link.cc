// SPDX-License-Identifier: Apache-2.0
#include "netns/link.h"

#include <fmt/format.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>

#include <cstring>

#include "base/check.h"
#include "base/handle.h"

namespace sublet::netns {
namespace {

using Socket = Handle<nl_sock, nl_socket_free>;
using Link = Handle<rtnl_link, rtnl_link_put>;
using Addr = Handle<rtnl_addr, rtnl_addr_put>;
using Route = Handle<rtnl_route, rtnl_route_put>;
using Nexthop = Handle<rtnl_nexthop, rtnl_route_nh_free>;
using NlAddress = Handle<nl_addr, nl_addr_put>;
using Cache = Handle<nl_cache, nl_cache_free>;

// libnl's own error numbers; the few that matter as errno, so that a caller can ask for them.
Result<void> nl(int status, const std::string& what) {
  if (status >= 0) return {};
  switch (-status) {
    case NLE_EXIST: return fail_errno(what, EEXIST);
    case NLE_PERM: return fail_errno(what, EPERM);
    case NLE_NODEV: return fail_errno(what, ENODEV);
    case NLE_OPNOTSUPP: return fail_errno(what, EOPNOTSUPP);
    default: return fail(what + ": " + nl_geterror(status));
  }
}

// A libnl constructor gives null only when memory ends.
template <typename H, typename T>
H owned(T* object) {
  CHECK(object != nullptr);
  return H(object);
}

Result<Socket> connect_route() {
  auto socket = owned<Socket>(nl_socket_alloc());
  TRY(nl(nl_connect(socket.get(), NETLINK_ROUTE), "opening a netlink socket"));
  return socket;
}

NlAddress nl_address(const IpAddress& address, unsigned prefix_length) {
  auto built =
      owned<NlAddress>(nl_addr_build(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), address.bits() / 8));
  nl_addr_set_prefixlen(built.get(), static_cast<int>(prefix_length));
  return built;
}

Result<int> index_of(const std::string& name) {
  unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return fail_errno("link " + name);
  return static_cast<int>(index);
}

Result<void> set_up(nl_sock* socket, int index, const std::string& name, std::uint32_t mtu) {
  auto old = owned<Link>(rtnl_link_alloc());
  auto wanted = owned<Link>(rtnl_link_alloc());
  rtnl_link_set_ifindex(old.get(), index);
  if (mtu != 0) rtnl_link_set_mtu(wanted.get(), mtu);
  rtnl_link_set_flags(wanted.get(), IFF_UP);
  return nl(rtnl_link_change(socket, old.get(), wanted.get(), 0), "setting link " + name + " up");
}

Result<void> add_address(nl_sock* socket, int index, const LinkAddress& address) {
  auto local = nl_address(address.address, address.prefix_length);
  auto request = owned<Addr>(rtnl_addr_alloc());
  rtnl_addr_set_ifindex(request.get(), index);
  std::string what = "adding address " + address.address.text();
  TRY(nl(rtnl_addr_set_local(request.get(), local.get()), what));
  if (address.address.v6) rtnl_addr_set_flags(request.get(), IFA_F_NODAD);
  return nl(rtnl_addr_add(socket, request.get(), NLM_F_CREATE | NLM_F_EXCL), what);
}

// To the link itself, or by way of a gateway on it.
Result<void> add_route(nl_sock* socket, int index, const Cidr& to, const IpAddress* gateway) {
  auto destination = nl_address(to.address, to.length);
  auto route = owned<Route>(rtnl_route_alloc());
  auto hop = owned<Nexthop>(rtnl_route_nh_alloc());
  rtnl_route_nh_set_ifindex(hop.get(), index);
  if (gateway != nullptr) {
    auto via = nl_address(*gateway, gateway->bits());
    rtnl_route_nh_set_gateway(hop.get(), via.get());
  }
  std::string what = "adding the route to " + to.text();
  TRY(nl(rtnl_route_set_family(route.get(), to.address.v6 ? AF_INET6 : AF_INET), what));
  TRY(nl(rtnl_route_set_dst(route.get(), destination.get()), what));
  rtnl_route_set_scope(route.get(), gateway != nullptr ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
  rtnl_route_add_nexthop(route.get(), hop.release());  // the route's from here on
  return nl(rtnl_route_add(socket, route.get(), NLM_F_EXCL), what);
}

Result<void> add_prohibition(nl_sock* socket, const Cidr& to) {
  auto destination = nl_address(to.address, to.length);
  auto route = owned<Route>(rtnl_route_alloc());
  std::string what = "prohibiting " + to.text();
  TRY(nl(rtnl_route_set_family(route.get(), to.address.v6 ? AF_INET6 : AF_INET), what));
  TRY(nl(rtnl_route_set_dst(route.get(), destination.get()), what));
  TRY(nl(rtnl_route_set_type(route.get(), RTN_PROHIBIT), what));
  rtnl_route_set_scope(route.get(), RT_SCOPE_UNIVERSE);
  return nl(rtnl_route_add(socket, route.get(), NLM_F_EXCL), what);
}

Result<void> add_link(nl_sock* socket, const std::string& name, const char* type) {
  auto link = owned<Link>(rtnl_link_alloc());
  rtnl_link_set_name(link.get(), name.c_str());
  std::string what = fmt::format("creating {} link {}", type, name);
  TRY(nl(rtnl_link_set_type(link.get(), type), what));
  return nl(rtnl_link_add(socket, link.get(), NLM_F_CREATE | NLM_F_EXCL), what);
}

}  // namespace

Result<void> bring_up_loopback() {
  auto socket = TRY(connect_route());
  int index = TRY(index_of("lo"));
  return set_up(socket.get(), index, "lo", 0);
}

Result<void> create_dummy(const std::string& name) {
  auto socket = TRY(connect_route());
  auto made = add_link(socket.get(), name, "dummy");
  if (!made && made.error().is(EOPNOTSUPP)) made = add_link(socket.get(), name, "bridge");
  return made;
}

Result<void> configure_link(const LinkPlan& plan) {
  auto socket = TRY(connect_route());
  int index = TRY(index_of(plan.name));
  TRY(set_up(socket.get(), index, plan.name, plan.mtu));
  for (const LinkAddress& address : plan.addresses)
    TRY_WHILE("link " + plan.name, add_address(socket.get(), index, address));
  for (const IpAddress& gateway : plan.gateways)
    TRY_WHILE("link " + plan.name, add_route(socket.get(), index, Cidr{IpAddress{gateway.v6, {}}, 0}, &gateway));
  for (const Cidr& prefix : plan.on_link)
    TRY_WHILE("link " + plan.name, add_route(socket.get(), index, prefix, nullptr));
  for (const Cidr& prefix : plan.prohibited) TRY(add_prohibition(socket.get(), prefix));
  return {};
}

Result<void> delete_link(const std::string& name) {
  auto socket = TRY(connect_route());
  auto link = owned<Link>(rtnl_link_alloc());
  rtnl_link_set_ifindex(link.get(), TRY(index_of(name)));
  return nl(rtnl_link_delete(socket.get(), link.get()), "deleting link " + name);
}

Result<std::vector<Cidr>> read_routes() {
  auto socket = TRY(connect_route());
  nl_cache* filled = nullptr;
  TRY(nl(rtnl_route_alloc_cache(socket.get(), AF_UNSPEC, 0, &filled), "reading the routes"));
  Cache cache(filled);
  std::vector<Cidr> found;
  for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object)) {
    nl_addr* destination = rtnl_route_get_dst(reinterpret_cast<rtnl_route*>(object));
    if (destination == nullptr) continue;
    int family = nl_addr_get_family(destination);
    if (family != AF_INET && family != AF_INET6) continue;
    IpAddress address;
    address.v6 = family == AF_INET6;
    // A default route's address has no bytes at all.
    if (nl_addr_get_len(destination) > address.bits() / 8) continue;
    std::memcpy(address.bytes.data(), nl_addr_get_binary_addr(destination), nl_addr_get_len(destination));
    unsigned length = nl_addr_get_prefixlen(destination);
    if (length <= address.bits()) found.push_back(network_of(address, length));
  }
  return found;
}

}  // namespace sublet::netns
