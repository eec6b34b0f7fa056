// SPDX-License-Identifier: Apache-2.0
// What the behaviours of servers at a door share: a listener at a port of its own, and clients that come to it.
#pragma once

#include <netinet/in.h>

#include <string>

#include "tests/support/probe/probe.h"

namespace sublet::probe {

struct Caller {
  const char* from = kServer;  // who is asked for clients: the server far away, or the host itself
  const char* to = kHost;      // the address that they call
};

/// Somebody's clients at our door: begun at once, and told of when they are done.
class Calling {
 public:
  Calling(std::uint16_t port, int count, int threads, const char* mode, Caller caller = {});
  /// "ok N bad N" and what was wrong first.
  [[nodiscard]] std::string told();

 private:
  UniqueFd asked_;
};

/// A listener at a port of the pod that the host has a door for.
class Server {
 public:
  /// `flags`: SOCK_NONBLOCK. Address: "0.0.0.0", "::", …
  explicit Server(std::uint16_t port, int flags = 0, const char* address = "0.0.0.0", int backlog = 128);
  [[nodiscard]] int fd() const { return listener_.get(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  void close() { listener_.reset(); }

 private:
  std::uint16_t port_;
  UniqueFd listener_;
};

/// Echoes until the other side ends; false: something was wrong.
bool echo_all(int fd);
/// Waits until it can be read.
bool is_readable(int fd, int timeout_ms = 5000);

}  // namespace sublet::probe
