// SPDX-License-Identifier: Apache-2.0
#include "bypass/port_listener.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "bypass/doors.h"
#include "bypass/endpoint.h"

namespace sublet::bypass {
namespace {

// As many as the kernel lets wait (net.core.somaxconn).
constexpr int kBacklog = 4096;

Result<void> set(int socket, int level, int name, int value) {
  if (::setsockopt(socket, level, name, &value, sizeof value) != 0) return fail_errno("setsockopt");
  return {};
}

// Of IPv6 for both families: an accepted connection of IPv4 can be turned into a socket of AF_INET (IPV6_ADDRFORM), and
// there is no way back (doors.h). A host without IPv6 has no listener of that family either.
Result<UniqueFd> bound(const IpAddress& address, std::uint16_t port) {
  constexpr int kType = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  UniqueFd socket(::socket(AF_INET6, kType, 0));
  const bool plain = !socket && errno == EAFNOSUPPORT && !address.v6;
  if (plain) socket = UniqueFd(::socket(AF_INET, kType, 0));
  if (!socket) return fail_errno("a socket for a port");
  if (!plain) TRY(set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0));
  // Connections that a broker before us accepted still have the number, and so have those that ended a moment ago.
  TRY(set(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1));
  const RawAddress name = plain ? raw_address(address, port) : raw_address_v6(address, port);
  if (::bind(socket.get(), name.get(), name.length) != 0) return fail_errno("bind");
  return socket;
}

Result<std::uint16_t> number_of(int socket) {
  RawAddress name;
  name.length = sizeof name.storage;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&name.storage), &name.length) != 0)
    return fail_errno("getsockname");
  return endpoint_of(name).value_or(Endpoint{}).port;
}

Unexpected no_port(Error error, const IpAddress& address, std::uint16_t port) {
  const std::string number = "port " + std::to_string(port);
  if (error.is(EADDRINUSE)) {
    error.what = number + " of " + address.text() + " is taken by another program";
  } else if (error.is(EADDRNOTAVAIL)) {
    error.what = address.text() + " is no address of this host";
  } else if (error.is(EACCES)) {
    error.what = number + " is one that this host gives to root alone";
    error.hint = "network.port_offset = 8000 makes it port " + std::to_string(8000 + port);
  } else {
    error.what = number + " of " + address.text() + ": " + error.what;
  }
  return Unexpected(std::move(error));
}

}  // namespace

Result<PortListener> PortListener::bind(const IpAddress& address, std::uint16_t wanted, std::uint16_t last) {
  if (wanted == 0 && last != 0)
    if (auto again = bind(address, last, 0)) return again;
  UniqueFd any;
  std::uint16_t port = wanted;
  if (wanted == 0) {
    // A number that the kernel chose is given back when a socket ceases to listen, and one that was asked for is not
    // (SOCK_BINDPORT_LOCK). So it is asked for, while it is held.
    auto found = bound(address, 0);
    if (!found) return no_port(std::move(found).error(), address, 0);
    any = std::move(*found);
    port = TRY(number_of(any.get()));
  }
  auto socket = bound(address, port);
  if (!socket) return no_port(std::move(socket).error(), address, port);
  any.reset();
  // Where that cannot be had, the doors see it, and leave it to the relay.
  (void)Doors::guard(socket->get());
  // While it does not listen, another's socket that may share numbers would take this one from us.
  TRY(set(socket->get(), SOL_SOCKET, SO_REUSEADDR, 0));
  // It has to have listened once: then all that could keep it from that is known.
  PortListener listener(std::move(*socket), port);
  if (auto tried = listener.answer(true); !tried) return no_port(std::move(tried).error(), address, port);
  TRY(listener.answer(false));
  return listener;
}

Result<void> PortListener::answer(bool on) {
  if (on == answers_) return {};
  if (on) {
    // Accepted sockets get it from here, so that the number can be had again beside them.
    TRY(set(socket_.get(), SOL_SOCKET, SO_REUSEADDR, 1));
    if (::listen(socket_.get(), kBacklog) != 0) {
      const Unexpected error = fail_errno("listen");
      (void)set(socket_.get(), SOL_SOCKET, SO_REUSEADDR, 0);
      return error;
    }
  } else {
    TRY(set(socket_.get(), SOL_SOCKET, SO_REUSEADDR, 0));
    // Linux makes a listening socket a closed one by this, bound as before (tcp_shutdown() does nothing of the kind to
    // a connected one; inet_shutdown(), net/ipv4/af_inet.c).
    if (::shutdown(socket_.get(), SHUT_RD) != 0) return fail_errno("shutdown");
  }
  answers_ = on;
  return {};
}

}  // namespace sublet::bypass
