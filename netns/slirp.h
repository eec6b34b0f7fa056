// SPDX-License-Identifier: Apache-2.0
// libslirp as an object: the user-mode TCP/IP stack that turns a guest's frames into the sockets of this process. It
// keeps globals (the clock, the name server's address), so there is one per process, and one thread. Host loopback is
// off for good; DHCP, TFTP, port forwards and router advertisements are not used.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "netns/tap_orders.h"

struct Slirp;

namespace sublet::netns {

/// What libslirp needs of its driver. Called from inside of the methods below.
struct SlirpHooks {
  /// A whole Ethernet frame for the guest, checksums complete. May be dropped.
  std::function<void(std::span<const std::uint8_t>)> send_frame;
  /// The descriptor is about to be closed: forget it, its number will be another's.
  std::function<void(int)> forget_fd;
};

class SlirpStack {
 public:
  /// libslirp's frames are at most 64 KiB, whatever the guest's MTU: see frame.h.
  [[nodiscard]] static Result<std::unique_ptr<SlirpStack>> create(const TapOrders& orders, SlirpHooks hooks);
  ~SlirpStack();
  SlirpStack(const SlirpStack&) = delete;
  SlirpStack& operator=(const SlirpStack&) = delete;

  /// Sets libslirp's clock and lets its timers run. Due before the first input() after a wait: libslirp dates sockets
  /// by the clock of the last tick() or process(), and would take one that it makes after a long sleep for expired.
  void tick();
  /// One frame from the guest. Only what may_enter().
  void input(std::span<const std::uint8_t> frame);
  /// Calls `want(fd, EPOLL… events)` for each socket that libslirp waits for, and gives how long it can wait at most,
  /// in milliseconds; -1: for ever.
  [[nodiscard]] int want(const std::function<void(int, std::uint32_t)>& want_fd);
  /// Lets libslirp work on its sockets and its timers. `ready(fd)` gives the EPOLL… events of a socket named by the
  /// last want().
  void process(const std::function<std::uint32_t(int)>& ready);

 private:
  explicit SlirpStack(SlirpHooks hooks) : hooks_(std::move(hooks)) {}

  SlirpHooks hooks_;
  Slirp* slirp_ = nullptr;
  unsigned guest_errors_ = 0;

  friend struct SlirpCallbacks;
};

}  // namespace sublet::netns
