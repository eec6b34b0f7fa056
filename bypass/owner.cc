// SPDX-License-Identifier: Apache-2.0
#include "bypass/owner.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "bypass/sock_diag.h"

namespace sublet::bypass {
namespace {

bool same(const inet_diag_sockid& a, const inet_diag_sockid& b, std::size_t address_size) {
  return a.idiag_sport == b.idiag_sport && a.idiag_dport == b.idiag_dport &&
         std::memcmp(a.idiag_src, b.idiag_src, address_size) == 0 &&
         std::memcmp(a.idiag_dst, b.idiag_dst, address_size) == 0;
}

}  // namespace

bool is_owners(const PeerSocket& peer, uid_t owner) {
  if (peer.state == TCP_LISTEN || peer.state == TCP_TIME_WAIT || peer.state == TCP_CLOSE) return false;
  if (peer.inode == 0 && peer.uid == 0) return false;
  return peer.uid == owner;
}

Result<OwnerCheck> OwnerCheck::create() {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!socket) return fail_errno("sock_diag");
  // The answer is made while we ask; that it takes long means that there is none.
  constexpr timeval kPatience{1, 0};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) != 0)
    return fail_errno("sock_diag");
  return OwnerCheck(std::move(socket), ::getuid());
}

std::optional<PeerSocket> OwnerCheck::find(const Endpoint& peer, const Endpoint& own) {
  const DiagRequest request = diag_request(peer, own, ++asked_);
  if (::send(socket_.get(), &request, sizeof request, 0) != sizeof request) return std::nullopt;
  for (;;) {
    alignas(nlmsghdr) std::array<char, 2048> buffer;
    const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
    nlmsghdr header;
    std::memcpy(&header, buffer.data(), sizeof header);
    if (header.nlmsg_seq != request.header.nlmsg_seq) continue;  // of a question that we gave up
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY || size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(inet_diag_msg))))
      return std::nullopt;
    inet_diag_msg message;
    std::memcpy(&message, buffer.data() + NLMSG_HDRLEN, sizeof message);
    // Where the kernel knows no such connection it looks for a listener with that number (inet_lookup()).
    if (!same(message.id, request.body.id, peer.address.bits() / 8)) return std::nullopt;
    return PeerSocket{message.idiag_state, message.idiag_uid, message.idiag_inode};
  }
}

OwnerCheck::Verdict OwnerCheck::judge(const Endpoint& peer, const Endpoint& own) {
  const auto found = find(peer, own);
  if (!found) return {false, "somebody at " + peer.address.text()};
  if (is_owners(*found, owner_)) return {true, ""};
  if (found->inode == 0) return {false, "a process that has closed its end already"};
  return {false, "a process of uid " + std::to_string(found->uid)};
}

}  // namespace sublet::bypass
