// SPDX-License-Identifier: Apache-2.0
// What the kernel tells of one TCP connection by its two ends (sock_diag(7)).
#pragma once

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include <cstdint>
#include <optional>

#include "base/cidr.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet {

struct TcpEnd {
  IpAddress address;
  std::uint16_t port = 0;
};

struct DiagRequest {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

/// Of the socket that is at `own` and connected with `peer`, in whatever state. Where the kernel knows none it answers
/// with a listener at `own`, if there is one (inet_lookup()).
[[nodiscard]] DiagRequest diag_request(const TcpEnd& own, const TcpEnd& peer, std::uint32_t number);

struct TcpSocket {
  std::uint8_t state = 0;  // TCP_ESTABLISHED …
  std::uint32_t uid = 0;
  std::uint32_t inode = 0;  // 0: no process has it, not yet or not any more
};

/// Asks in the network namespace that it was made in, and tells uids as of the user namespace. One thread at a time.
class SockDiag {
 public:
  [[nodiscard]] static Result<SockDiag> create();
  /// Nothing: the kernel knows of no such connection, or does not tell (no inet_diag).
  [[nodiscard]] std::optional<TcpSocket> find(const TcpEnd& own, const TcpEnd& peer);

 private:
  explicit SockDiag(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
  std::uint32_t asked_ = 0;
};

}  // namespace sublet
