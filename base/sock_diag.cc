// SPDX-License-Identifier: Apache-2.0
#include "base/sock_diag.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sublet {
namespace {

bool same(const inet_diag_sockid& a, const inet_diag_sockid& b, std::size_t address_size) {
  return a.idiag_sport == b.idiag_sport && a.idiag_dport == b.idiag_dport &&
         std::memcmp(a.idiag_src, b.idiag_src, address_size) == 0 &&
         std::memcmp(a.idiag_dst, b.idiag_dst, address_size) == 0;
}

}  // namespace

DiagRequest diag_request(const TcpEnd& own, const TcpEnd& peer, std::uint32_t number) {
  DiagRequest request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.header.nlmsg_seq = number;
  request.body.sdiag_family = own.address.v6 ? AF_INET6 : AF_INET;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~0U;
  inet_diag_sockid& id = request.body.id;
  id.idiag_sport = htons(own.port);
  id.idiag_dport = htons(peer.port);
  std::memcpy(id.idiag_src, own.address.bytes.data(), sizeof id.idiag_src);
  std::memcpy(id.idiag_dst, peer.address.bytes.data(), sizeof id.idiag_dst);
  id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return request;
}

Result<SockDiag> SockDiag::create() {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!socket) return fail_errno("sock_diag");
  return SockDiag(std::move(socket));
}

std::optional<TcpSocket> SockDiag::find(const TcpEnd& own, const TcpEnd& peer) {
  const DiagRequest request = diag_request(own, peer, ++asked_);
  if (::send(socket_.get(), &request, sizeof request, 0) != sizeof request) return std::nullopt;
  for (;;) {
    alignas(nlmsghdr) std::array<char, 2048> buffer;
    // The kernel answers within send(2): what is not there now does not come.
    const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
    nlmsghdr header;
    std::memcpy(&header, buffer.data(), sizeof header);
    if (header.nlmsg_seq != request.header.nlmsg_seq) continue;
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY || size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(inet_diag_msg))))
      return std::nullopt;
    inet_diag_msg message;
    std::memcpy(&message, buffer.data() + NLMSG_HDRLEN, sizeof message);
    if (!same(message.id, request.body.id, own.address.bits() / 8)) return std::nullopt;  // a listener
    return TcpSocket{message.idiag_state, message.idiag_uid, message.idiag_inode};
  }
}

}  // namespace sublet
