// SPDX-License-Identifier: Apache-2.0
#include "launcher/api/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "base/sock_diag.h"

namespace sublet::launcher {
namespace {

TcpEnd end_of(const sockaddr_in& name) {
  TcpEnd end{.address = {}, .port = ntohs(name.sin_port)};
  std::memcpy(end.address.bytes.data(), &name.sin_addr, sizeof name.sin_addr);
  return end;
}

}  // namespace

std::optional<uid_t> peer_uid(int fd) {
  sockaddr_in here{};
  sockaddr_in there{};
  socklen_t here_size = sizeof here;
  socklen_t there_size = sizeof there;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&here), &here_size) != 0 ||
      ::getpeername(fd, reinterpret_cast<sockaddr*>(&there), &there_size) != 0 || here.sin_family != AF_INET)
    return std::nullopt;
  auto diag = SockDiag::create();
  if (!diag) return std::nullopt;
  const auto found = diag->find(end_of(there), end_of(here));
  // One that nobody holds any more shows as root's, without an inode.
  if (!found || found->inode == 0) return std::nullopt;
  return found->uid;
}

}  // namespace sublet::launcher
