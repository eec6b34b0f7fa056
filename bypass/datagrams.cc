// SPDX-License-Identifier: Apache-2.0
// UDP sockets of containers at level «fast-udp»: connected, they become the host's; who then names another peer gets
// one of the pod's again where that peer is the pod's matter.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "bypass/calls.h"

namespace sublet::bypass {
namespace {

// Neither bound nor connected: after both it has a port, and what it has been sent may wait in it.
bool is_new(int socket) {
  const auto own = own_end(socket);
  return own && own->port == 0;
}

}  // namespace

Reason Calls::way_of_datagrams(const Endpoint& to) {
  if (listener_.pod->isolated.load(std::memory_order_relaxed)) return Reason::kNetworkPolicy;
  return decide(policy(), to);
}

std::optional<Calls::Ending> Calls::make_hosts(const Request& request, int socket, int domain, const RawAddress& to) {
  if (!listener_.datagrams || type_of(socket) != SOCK_DGRAM || !is_new(socket)) return std::nullopt;
  const auto endpoint = endpoint_of(to);
  // Port 0 is nobody's: it is how the C library asks which address of ours would be used (RFC 3484), and the pod's own
  // is the answer.
  if (!endpoint || endpoint->port == 0) return std::nullopt;
  Counters& counters = listener_.pod->counters;
  if (const Reason reason = way_of_datagrams(*endpoint); reason != Reason::kNone) {
    counters.count(reason);
    return std::nullopt;
  }
  const UniqueFd made = host_socket(domain, SOCK_DGRAM);
  if (!made || tools_.defaults.of(domain, SOCK_DGRAM).copy(socket, made.get()) != 0 ||
      ::connect(made.get(), to.get(), to.length) != 0) {
    counters.count(Reason::kResources);
    return std::nullopt;
  }
  const SwapTarget target{listener_.fd, request.id, request.thread, request.number()};
  if (swap_fd(target, socket, made.get(), scan_, tools_.repair, pidfds_) != SwapResult::kDone) return std::nullopt;
  counters.count(counters.datagrams);
  return reply(0);
}

UniqueFd Calls::as_pods(int socket, int domain) {
  UniqueFd inner = pod_socket(socket, domain, SOCK_DGRAM);
  if (!inner) return inner;
  // With the peer it has, if any: for what is sent without a name, and as its own address is chosen by its first peer.
  RawAddress peer;
  peer.length = sizeof peer.storage;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer.storage), &peer.length) == 0)
    (void)::connect(inner.get(), peer.get(), peer.length);
  return inner;
}

Calls::Ending Calls::connect_datagrams(const Request& request, int socket, int domain, const RawAddress& to) {
  const auto endpoint = endpoint_of(to);
  // It would have no peer any more, and no device either (__udp_disconnect(), net/ipv4/udp.c).
  if (to.length >= sizeof(sa_family_t) && to.family() == AF_UNSPEC) {
    const UniqueFd inner = pod_socket(socket, domain, SOCK_DGRAM);
    if (!inner) return reply(errno);
    if (auto ending = put_in_place(request, socket, inner.get(), Reason::kServer); ending) return *ending;
    return reply(0);
  }
  const Reason reason = endpoint ? way_of_datagrams(*endpoint) : Reason::kNone;  // what is no address: the kernel's
  if (reason == Reason::kNone) return reply(::connect(socket, to.get(), to.length) == 0 ? 0 : errno);
  const UniqueFd inner = as_pods(socket, domain);
  if (!inner) return reply(errno);
  if (::connect(inner.get(), to.get(), to.length) != 0) return reply(errno);
  if (auto ending = put_in_place(request, socket, inner.get(), reason); ending) return *ending;
  return reply(0);
}

Calls::Ending Calls::on_sendto(const Request& request) {
  const UniqueFd socket = copy_fd(pidfds_, request.thread, request.number());
  if (!socket) return reply(EBADF);
  const SocketKind kind = kind_of(socket.get());
  if (!kind.is_inet() || !is_hosts(kind) || type_of(socket.get()) != SOCK_DGRAM) return pass();
  RawAddress to;
  if (const int error = copy_address(request, to, 4); error != 0) return reply(error);
  const auto endpoint = endpoint_of(to);
  if (!endpoint) return pass();
  const Reason reason = way_of_datagrams(*endpoint);
  if (reason == Reason::kNone) return pass();
  const UniqueFd inner = as_pods(socket.get(), kind.domain);
  if (!inner) return reply(errno);
  if (auto ending = put_in_place(request, socket.get(), inner.get(), reason); ending) return *ending;
  return pass();
}

}  // namespace sublet::bypass
