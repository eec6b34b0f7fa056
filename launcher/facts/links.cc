// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/links.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <sys/ioctl.h>

#include <cstring>

#include "base/check.h"
#include "base/handle.h"
#include "base/sys.h"

namespace sublet::launcher {
namespace {

using Socket = Handle<nl_sock, nl_socket_free>;
using Link = Handle<rtnl_link, rtnl_link_put>;

Result<void> nl(int status, const std::string& what) {
  if (status < 0) return fail(what + ": " + nl_geterror(status));
  return {};
}

Result<Socket> connect_route() {
  Socket socket(nl_socket_alloc());
  CHECK(socket != nullptr);  // out of memory
  TRY(nl(nl_connect(socket.get(), NETLINK_ROUTE), "netlink"));
  return socket;
}

Result<void> add(nl_sock* socket, const Link& link, const std::string& what) {
  return nl(rtnl_link_add(socket, link.get(), NLM_F_CREATE | NLM_F_EXCL), what);
}

Result<void> add_simple(nl_sock* socket, const char* name, const char* kind) {
  Link link(rtnl_link_alloc());
  CHECK(link != nullptr);
  rtnl_link_set_name(link.get(), name);
  TRY(nl(rtnl_link_set_type(link.get(), kind), kind));
  return add(socket, link, std::string("making a ") + kind);
}

}  // namespace

Result<void> try_bridge() {
  Socket socket = TRY(connect_route());
  TRY(add_simple(socket.get(), "probe-br", "bridge"));
  Link veth(rtnl_link_veth_alloc());
  CHECK(veth != nullptr);
  rtnl_link_set_name(veth.get(), "probe-a");
  Link peer(rtnl_link_veth_get_peer(veth.get()));
  rtnl_link_set_name(peer.get(), "probe-b");
  rtnl_link_set_master(veth.get(), static_cast<int>(::if_nametoindex("probe-br")));
  return add(socket.get(), veth, "making a veth pair");
}

Result<void> try_dummy() {
  Socket socket = TRY(connect_route());
  return add_simple(socket.get(), "probe-dummy", "dummy");
}

Result<void> try_tap() {
  UniqueFd fd = TRY(sys::open("/dev/net/tun", O_RDWR));
  ifreq request{};
  std::strncpy(request.ifr_name, "probe-tap", IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) return fail_errno("/dev/net/tun: TUNSETIFF");
  // Persistent, it goes with its namespace, which the kernel clears away in its own time. To close it would wait for
  // that: some 20 ms.
  if (::ioctl(fd.get(), TUNSETPERSIST, 1) != 0) return fail_errno("/dev/net/tun: TUNSETPERSIST");
  return {};
}

}  // namespace sublet::launcher
