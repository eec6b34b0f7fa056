// SPDX-License-Identifier: Apache-2.0
// The API server's door on the host: a loopback port that the kernel chose, whose connections are carried to a port
// inside the cluster's network namespace. It sees ciphertext only (mTLS is end to end) and decides nothing.
//
// Theory of operation. One thread, the caller's event loop. Bytes go through one scratch buffer of the relay, from read
// to write at once; only what the receiver does not take is kept, and then the sender is not read until it is gone
// (back-pressure). A side's watch exists only while something is wanted of it: an ended side raises EPOLLHUP for ever
// and would else spin the loop. An end of file is passed on as such, direction by direction; a reset as a reset.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/event_loop.h"
#include "base/result.h"
#include "launcher/api/socket_source.h"

namespace sublet::launcher {

/// At most this many connections at once: two descriptors each, half of the usual soft limit of 1024. Further ones wait
/// in the backlog until one ends.
inline constexpr std::size_t kMaxRelayConnections = 256;

struct RelayPlan {
  SocketSource inner;
  std::uint16_t inner_port = 6443;  // on 127.0.0.1 there
  std::uint16_t port = 0;           // on 127.0.0.1 here; 0: the kernel chooses
  std::size_t max_connections = kMaxRelayConnections;
  /// Whose connections are carried; root's too. Others can't get past mTLS anyway, but could fill all places. Not set:
  /// anybody's, as also where the kernel does not tell whose a connection is.
  std::optional<uid_t> owner;
  /// A connection that could not be carried (the inner side refused, no socket, no descriptor): for a log.
  std::function<void(const Error&)> on_error;
};

class Relay {
 public:
  struct Stats {
    std::size_t open = 0;         // connections now
    std::uint64_t accepted = 0;   // since the start
    std::uint64_t failed = 0;     // of those, never carried
    std::uint64_t strangers = 0;  // of the failed, those of other users
    std::uint64_t inward_bytes = 0;
    std::uint64_t outward_bytes = 0;
  };

  /// Listens. `loop` must outlive the relay. Error: the port is taken.
  [[nodiscard]] static Result<Relay> start(EventLoop& loop, RelayPlan plan);
  Relay(Relay&&) noexcept;
  Relay& operator=(Relay&&) = delete;
  /// Ends all its connections.
  ~Relay();

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] Stats stats() const;

 private:
  class Impl;
  explicit Relay(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sublet::launcher
