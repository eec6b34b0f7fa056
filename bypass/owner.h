// SPDX-License-Identifier: Apache-2.0
// Whose process is at the other end of a connection from this host: the kernel's sock_diag(7) tells the uid that made
// the socket with exactly these four numbers. Addresses and ports alone would prove nothing: any user of the host may
// connect from any of its addresses.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/sock_diag.h"
#include "bypass/endpoint.h"

namespace sublet::bypass {

/// Is this the owner's? Pure. A socket in TIME_WAIT, one that is being made, and before Linux 6.17 one that its process
/// has closed, all come with uid 0, which says nothing; a listener that merely has the number is nobody's peer.
[[nodiscard]] bool is_owners(const TcpSocket& peer, uid_t owner);

class OwnerCheck {
 public:
  /// To be made before the process changes its user namespace: uids are then told as of the one that it is made in,
  /// where they cannot be mistaken for one another.
  [[nodiscard]] static Result<OwnerCheck> create();
  struct Verdict {
    bool owner = false;
    std::string who;  // if not: for the log
  };
  /// Is this connection, just accepted, from a process of the owner's on this host? No, if nobody can tell. One thread
  /// at a time.
  [[nodiscard]] Verdict judge(const Endpoint& peer, const Endpoint& own);

 private:
  OwnerCheck(SockDiag diag, uid_t owner) : diag_(std::move(diag)), owner_(owner) {}
  SockDiag diag_;
  uid_t owner_;
};

}  // namespace sublet::bypass
