// SPDX-License-Identifier: Apache-2.0
// A doorbell: a socket of the pod's namespace that connects to a listener there, so that whoever accepts wakes up. It
// says nothing; when it has been answered, connect(2) with AF_UNSPEC resets the connection, and it can be rung again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/unique_fd.h"
#include "bypass/endpoint.h"

namespace sublet::bypass {

/// Bells have ports from here on, as far as there are some: above net.ipv4.ip_local_port_range as the kernel has it,
/// where programs seldom listen. One from elsewhere loses its port when it hangs up.
inline constexpr std::uint16_t kFirstBellPort = 61000;

/// How many may wait at a listener with this backlog (listen(2)): as many again are left for the pod's own clients.
[[nodiscard]] std::size_t window_of(int backlog);

/// Makes a new socket fit to be a doorbell: it does not wait, resets its connection when it goes, with us, too, and has
/// a port of its own on that address for as long as it lives, which nobody else can call from then (it is bound without
/// SO_REUSEADDR). 0 if it can't be.
[[nodiscard]] std::uint16_t make_bell(int socket, const IpAddress& address);
/// Begins to connect it. 0, or an errno. Whether somebody listens, look_at() tells.
[[nodiscard]] int ring(int bell, const Endpoint& at);
/// Resets its connection. True: it can be rung again.
[[nodiscard]] bool hang_up(int bell);
/// Fit to carry a connection's bytes.
void make_wire(int bell);

/// What has become of one that was rung.
enum class Rung : std::uint8_t {
  kWaits,     // in the queue, or still on its way there
  kRefused,   // nobody listens
  kLost,      // reset: the listener was closed
  kDeferred,  // TCP_DEFER_ACCEPT: it is not taken before it has said something
  kTaken,     // a program has accepted it
};
/// What the bell itself tells of it; kWaits, where only the other end can tell more.
[[nodiscard]] Rung look_at(int bell, bool& connected);
/// What the other end tells: `diag` is a NETLINK_SOCK_DIAG socket of the pod's namespace.
[[nodiscard]] Rung look_at_other_end(int diag, const Endpoint& at, std::uint16_t port);
/// The same, by the answer's bytes. Pure.
[[nodiscard]] Rung other_end(std::span<const std::byte> answer, std::uint16_t port);

}  // namespace sublet::bypass
