// SPDX-License-Identifier: Apache-2.0
// The way into a pod: connections that the host has taken for a port of a pod are handed to whoever accepts there. The
// pod's listener stays where it is, in the pod's network namespace; for each connection a socket of that namespace, the
// doorbell, connects to it, so that accept, poll, select and epoll wake up as ever. The accept that finds a doorbell
// gets the host's connection instead (bypass/accepting.h), with the client's true address.
//
// What this asks of the host's side: sockets that listen are AF_INET6 and serve IPv4 as well (IPV6_V6ONLY off), as long
// as the host has IPv6: a listener of IPv6 in the pod gets its connections as they are, one of IPv4 gets them turned
// (IPV6_ADDRFORM), and there is no way to turn them back. guard() was called for them before listen(2).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bypass/endpoint.h"
#include "bypass/pod.h"

namespace sublet::bypass {

class Doors {
 public:
  enum class Outcome : std::uint8_t {
    kHanded,   // a program has it
    kRefused,  // nobody listens there: the connection comes back
    kLost,     // the listener or the pod went away before it was taken: the connection comes back
    kRelay,    // its doorbell was accepted without us: both come back, to be joined by a relay. Nothing was sent yet.
  };
  /// Called once, from any thread, never from inside knock(), with no lock held that knock() would need.
  using Done = std::function<void(Outcome, UniqueFd connection, UniqueFd doorbell)>;

  Doors() = default;
  ~Doors() = default;
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;

  /// Connections for this port of the pod may come from now on: accepts there are the broker's to answer.
  void open(const std::shared_ptr<Pod>& pod, std::uint16_t port);
  /// None come any more. Those that wait are still handed over.
  void close(const std::shared_ptr<Pod>& pod, std::uint16_t port);

  /// Hands a host's established connection to whoever accepts at `at` (the pod's address and port). False: there is no
  /// such door, or as many wait there as its listener's backlog bears: not taken. There is room again once some Done of
  /// that door has been called.
  [[nodiscard]] bool knock(const std::shared_ptr<Pod>& pod, const Endpoint& at, UniqueFd& connection, Done done);

  /// For a host's socket that will listen on behalf of pods, before listen(2): what it accepts can never be made into a
  /// connection to somewhere else, whatever a program does with it (connect(2) with AF_UNSPEC, and then anew). It is a
  /// socket filter without SYN+ACK, locked; accepted sockets inherit both.
  [[nodiscard]] static Result<void> guard(int listener);
};

}  // namespace sublet::bypass
