// SPDX-License-Identifier: Apache-2.0
#include "bypass/socket_kind.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/unique_fd.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace sublet::bypass {
namespace {

template <typename T>
bool option(int fd, int level, int name, T& value) {
  socklen_t size = sizeof value;
  return ::getsockopt(fd, level, name, &value, &size) == 0 && size == sizeof value;
}

}  // namespace

bool SocketKind::is_inet() const { return domain == AF_INET || domain == AF_INET6; }

SocketKind kind_of(int fd) {
  SocketKind kind;
  if (!option(fd, SOL_SOCKET, SO_DOMAIN, kind.domain)) {
    kind.domain = -1;
    kind.error = errno;
    return kind;
  }
  if (!kind.is_inet()) return kind;
  (void)option(fd, SOL_SOCKET, SO_NETNS_COOKIE, kind.network);
  return kind;
}

std::uint64_t own_network() {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  std::uint64_t cookie = 0;
  if (!socket || !option(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, cookie)) return 0;
  return cookie;
}

std::optional<Endpoint> own_end(int fd) {
  RawAddress own;
  own.length = sizeof own.storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own.storage), &own.length) != 0) return std::nullopt;
  return endpoint_of(own);
}

int device_of(int fd) {
  int device = 0;
  return option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, device) ? device : 0;
}

int type_of(int fd) {
  int type = 0;
  return option(fd, SOL_SOCKET, SO_TYPE, type) ? type : 0;
}

bool is_idle(int fd) {
  // The first byte of tcp_info, of whatever length the kernel's is.
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_CLOSE;
}

}  // namespace sublet::bypass
