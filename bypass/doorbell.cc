// SPDX-License-Identifier: Apache-2.0
#include "bypass/doorbell.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/sock_diag.h"
#include "bypass/socket_kind.h"

namespace sublet::bypass {

std::size_t window_of(int backlog) {
  constexpr int kMost = 64;  // each is a socket of ours; more would not make a busy listener faster
  return static_cast<std::size_t>(std::clamp(backlog / 2, 1, kMost));
}

std::uint16_t make_bell(int socket, const IpAddress& address) {
  const linger reset{1, 0};
  if (::fcntl(socket, F_SETFL, O_NONBLOCK) != 0 ||
      ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0)
    return 0;
  std::uint32_t start = 0;
  (void)!::getrandom(&start, sizeof start, 0);
  constexpr std::uint32_t kTries = 64;
  constexpr std::uint32_t kCount = 65536 - kFirstBellPort;
  Endpoint own{address, 0, false, 0};
  for (std::uint32_t i = 0; i <= kTries; ++i) {
    // Relays keep theirs: where there are thousands, the kernel finds one among its own.
    own.port = i == kTries ? 0 : static_cast<std::uint16_t>(kFirstBellPort + (start + i) % kCount);
    const RawAddress name = raw_address(own);
    if (::bind(socket, name.get(), name.length) == 0) return own_end(socket).value_or(own).port;
    if (errno != EADDRINUSE) return 0;
  }
  return 0;
}

int ring(int bell, const Endpoint& at) {
  const RawAddress to = raw_address(at);
  return ::connect(bell, to.get(), to.length) == 0 || errno == EINPROGRESS ? 0 : errno;
}

bool hang_up(int bell) {
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  if (::connect(bell, &nobody, sizeof nobody) != 0) return false;
  // It leaves its owner an error (tcp_disconnect()), which is no news of the next ring.
  int error = 0;
  socklen_t size = sizeof error;
  (void)::getsockopt(bell, SOL_SOCKET, SO_ERROR, &error, &size);
  return true;
}

void make_wire(int bell) {
  const linger usual{0, 0};
  (void)::setsockopt(bell, SOL_SOCKET, SO_LINGER, &usual, sizeof usual);
}

Rung look_at(int bell, bool& connected) {
  pollfd poll{bell, POLLIN | POLLOUT | POLLRDHUP, 0};
  connected = false;
  if (::poll(&poll, 1, 0) <= 0) return Rung::kWaits;
  if ((poll.revents & (POLLERR | POLLHUP)) != 0) {
    int error = 0;
    socklen_t size = sizeof error;
    (void)::getsockopt(bell, SOL_SOCKET, SO_ERROR, &error, &size);
    // Not connected yet: whoever rings it has only just begun.
    if (error == 0 && (poll.revents & POLLRDHUP) == 0) return Rung::kWaits;
    // Ended by both sides without an error: it was taken, and let go.
    if (error == 0) return Rung::kTaken;
    return error == ECONNREFUSED ? Rung::kRefused : Rung::kLost;
  }
  connected = (poll.revents & POLLOUT) != 0;
  // It hears something, or that nothing will come: there is somebody.
  return (poll.revents & (POLLIN | POLLRDHUP)) != 0 ? Rung::kTaken : Rung::kWaits;
}

Rung other_end(std::span<const std::byte> answer, std::uint16_t port) {
  nlmsghdr header{};
  inet_diag_msg found{};
  if (answer.size() < NLMSG_HDRLEN + sizeof found) return Rung::kWaits;
  std::memcpy(&header, answer.data(), sizeof header);
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return Rung::kWaits;
  std::memcpy(&found, answer.data() + NLMSG_HDRLEN, sizeof found);
  // Without a connection the kernel gives the listener itself.
  if (ntohs(found.id.idiag_dport) != port) return Rung::kWaits;
  if (found.idiag_state == TCP_SYN_RECV) return Rung::kDeferred;
  // A socket that waits to be accepted has no file yet.
  return found.idiag_inode != 0 ? Rung::kTaken : Rung::kWaits;
}

Rung look_at_other_end(int diag, const Endpoint& at, std::uint16_t port) {
  // Both ends are the pod's own address.
  const DiagRequest request = diag_request({at.address, at.port}, {at.address, port}, 0);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(diag, &request, sizeof request, 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0)
    return Rung::kWaits;
  // One question, one answer, and that is there when the send returns.
  std::array<std::byte, 1024> answer;
  const ssize_t count = ::recv(diag, answer.data(), answer.size(), MSG_DONTWAIT);
  if (count < 0) return Rung::kWaits;
  return other_end(std::span(answer).first(static_cast<std::size_t>(count)), port);
}

}  // namespace sublet::bypass
