// SPDX-License-Identifier: Apache-2.0
#include "launcher/api/peer.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/sys.h"

namespace sublet::launcher {
namespace {

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

// Asks for the one socket whose own end is `own` and whose other end is `other`.
Request request_for(const sockaddr_in& own, const sockaddr_in& other) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.body.sdiag_family = AF_INET;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~0U;
  request.body.id.idiag_sport = own.sin_port;
  request.body.id.idiag_dport = other.sin_port;
  request.body.id.idiag_src[0] = own.sin_addr.s_addr;
  request.body.id.idiag_dst[0] = other.sin_addr.s_addr;
  request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return request;
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
  const auto diag = sys::socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG);
  const Request request = request_for(there, here);
  if (!diag || ::send(diag->get(), &request, sizeof request, 0) != static_cast<ssize_t>(sizeof request))
    return std::nullopt;
  // The kernel answers within send(2), so this never waits.
  alignas(nlmsghdr) std::array<char, 8192> buffer;
  const ssize_t count = ::recv(diag->get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(inet_diag_msg)))) return std::nullopt;
  nlmsghdr header{};
  inet_diag_msg answer{};
  std::memcpy(&header, buffer.data(), sizeof header);
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return std::nullopt;
  std::memcpy(&answer, buffer.data() + NLMSG_HDRLEN, sizeof answer);
  // One that nobody holds any more shows as root's, without an inode.
  if (answer.idiag_inode == 0) return std::nullopt;
  return answer.idiag_uid;
}

}  // namespace sublet::launcher
