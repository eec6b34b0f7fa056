// SPDX-License-Identifier: Apache-2.0
// What a socket is, and whose. Asked of our own copy of a descriptor; nothing here allocates.
#pragma once

#include <cstdint>
#include <optional>

#include "bypass/endpoint.h"

namespace sublet::bypass {

struct SocketKind {
  int domain = -1;            // AF_…; -1: not a socket
  int error = 0;              // then: why, as a socket call would say
  std::uint64_t network = 0;  // the network namespace's cookie (SO_NETNS_COOKIE, Linux 5.14); 0: unknown

  [[nodiscard]] bool is_socket() const { return domain >= 0; }
  [[nodiscard]] bool is_inet() const;
};

[[nodiscard]] SocketKind kind_of(int fd);
/// The cookie of the network namespace that the calling thread is in; 0 where the kernel has none.
[[nodiscard]] std::uint64_t own_network();
/// Its own address and port (getsockname(2)). Nothing: it is none of IP.
[[nodiscard]] std::optional<Endpoint> own_end(int fd);
/// The index of the device that it is bound to (SO_BINDTOIFINDEX); 0: to none.
[[nodiscard]] int device_of(int fd);
/// SOCK_STREAM, SOCK_DGRAM, …; 0 if it is no socket.
[[nodiscard]] int type_of(int fd);
/// Neither connected nor connecting nor listening.
[[nodiscard]] bool is_idle(int fd);

}  // namespace sublet::bypass
