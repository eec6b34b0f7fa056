// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/nook.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "base/sys.h"
#include "base/unix_socket.h"
#include "launcher/node/sockets.h"
#include "netns/link.h"

namespace sublet::launcher {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr int kIpv6Freebind = 78;  // no name in Debian 12's libc

// «ip route add local default dev lo table local»: whatever is sent anywhere arrives here.
Result<void> own_all_addresses(int family) {
  struct {
    nlmsghdr header;
    rtmsg route;
    rtattr attribute;
    std::uint32_t device;
  } request{};
  static_assert(sizeof request == NLMSG_LENGTH(sizeof(rtmsg)) + RTA_LENGTH(sizeof(std::uint32_t)));
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK;
  request.route.rtm_family = static_cast<unsigned char>(family);
  request.route.rtm_table = RT_TABLE_LOCAL;
  request.route.rtm_protocol = RTPROT_BOOT;
  request.route.rtm_scope = RT_SCOPE_HOST;
  request.route.rtm_type = RTN_LOCAL;
  request.attribute.rta_type = RTA_OIF;
  request.attribute.rta_len = RTA_LENGTH(sizeof request.device);
  request.device = ::if_nametoindex("lo");
  const UniqueFd netlink = TRY(sys::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  struct {
    nlmsghdr header;
    nlmsgerr body;
  } answer{};
  if (::send(netlink.get(), &request, sizeof request, 0) < 0 || ::recv(netlink.get(), &answer, sizeof answer, 0) < 0)
    return fail_errno("a route for all addresses");
  if (answer.header.nlmsg_type != NLMSG_ERROR || answer.body.error != 0)
    return fail_errno("a route for all addresses", -answer.body.error);
  return {};
}

// Knows to which address each question was sent.
Result<UniqueFd> name_server(int family) {
  UniqueFd socket = TRY(sys::socket(family, SOCK_DGRAM | SOCK_NONBLOCK));
  const int on = 1;
  const bool v6 = family == AF_INET6;
  sockaddr_in v4_any{};
  v4_any.sin_family = AF_INET;
  v4_any.sin_port = htons(kDnsPort);
  sockaddr_in6 v6_any{};
  v6_any.sin6_family = AF_INET6;
  v6_any.sin6_port = htons(kDnsPort);
  const auto* any = v6 ? reinterpret_cast<const sockaddr*>(&v6_any) : reinterpret_cast<const sockaddr*>(&v4_any);
  const socklen_t size = v6 ? sizeof v6_any : sizeof v4_any;
  const int told = v6 ? ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on)
                      : ::setsockopt(socket.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  // An address that a route alone makes ours is none to answer from, for IPv6 (ip6_datagram_send_ctl(),
  // net/ipv6/datagram.c).
  if (v6 && ::setsockopt(socket.get(), IPPROTO_IPV6, kIpv6Freebind, &on, sizeof on) != 0)
    return fail_errno("a name server's socket");
  if (told != 0 || (v6 && ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
      ::bind(socket.get(), any, size) != 0)
    return fail_errno("a name server's socket");
  return socket;
}

Result<void> make(int door) {
  TRY(sys::unshare(CLONE_NEWUSER | CLONE_NEWNET));
  TRY(netns::bring_up_loopback());
  TRY(own_all_addresses(AF_INET));
  const UniqueFd v4 = TRY(name_server(AF_INET));
  // A host without IPv6 has no name servers by it either.
  const bool has_v6 = static_cast<bool>(own_all_addresses(AF_INET6));
  const auto v6 = has_v6 ? name_server(AF_INET6) : Result<UniqueFd>(UniqueFd());
  std::vector<int> servers{v4.get()};
  if (v6 && *v6) servers.push_back(v6->get());
  return send_message(door, "servers", servers);
}

[[noreturn]] void serve(const UniqueFd& sockets, const UniqueFd& door) {
  bool made = false;
  for (;;) {
    auto message = receive_message(sockets.get());
    if (!message || message->end) ::_exit(0);
    const auto wish = wish_from_text(message->text);
    if (!wish || (!made && !make(door.get()))) ::_exit(1);
    made = true;
    if (!give_sockets(sockets.get(), *wish)) ::_exit(0);
  }
}

}  // namespace

Result<Nook> start_nook() {
  auto [sockets, sockets_inside] = TRY(sys::socketpair(SOCK_SEQPACKET));
  auto [door, door_inside] = TRY(sys::socketpair(SOCK_SEQPACKET));
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("fork");
  if (child == 0) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(1);
    sockets.reset();
    door.reset();
    serve(sockets_inside, door_inside);
  }
  return Nook{std::move(sockets), std::move(door)};
}

}  // namespace sublet::launcher
