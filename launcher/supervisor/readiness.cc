// SPDX-License-Identifier: Apache-2.0
#include "launcher/supervisor/readiness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include "base/sys.h"
#include "base/unix_socket.h"

namespace sublet::launcher {
namespace {

bool tcp_answers(const std::string& address, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) return false;
  auto socket = sys::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  if (!socket) return false;
  if (::connect(socket->get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return true;
  if (errno != EINPROGRESS) return false;
  constexpr int kLocalConnectMs = 10;
  pollfd watched{socket->get(), POLLOUT, 0};
  if (::poll(&watched, 1, kLocalConnectMs) != 1) return false;
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(socket->get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

}  // namespace

bool answers(const Readiness& readiness) {
  switch (readiness.kind) {
    case Readiness::Kind::kStarted: return true;
    case Readiness::Kind::kTcp: return tcp_answers(readiness.address, readiness.port);
    case Readiness::Kind::kUnix: return connect_unix(readiness.path, SOCK_STREAM).has_value();
    case Readiness::Kind::kTold: return readiness.port != 0 && tcp_answers(readiness.address, readiness.port);
  }
  return false;
}

}  // namespace sublet::launcher
