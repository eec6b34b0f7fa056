// SPDX-License-Identifier: Apache-2.0
#include "bypass/owner.h"

#include <netinet/tcp.h>
#include <unistd.h>

namespace sublet::bypass {

bool is_owners(const TcpSocket& peer, uid_t owner) {
  if (peer.state == TCP_LISTEN || peer.state == TCP_TIME_WAIT || peer.state == TCP_CLOSE) return false;
  if (peer.inode == 0 && peer.uid == 0) return false;
  return peer.uid == owner;
}

Result<OwnerCheck> OwnerCheck::create() { return OwnerCheck(TRY(SockDiag::create()), ::getuid()); }

OwnerCheck::Verdict OwnerCheck::judge(const Endpoint& peer, const Endpoint& own) {
  const auto found = diag_.find({peer.address, peer.port}, {own.address, own.port});
  if (!found) return {false, "somebody at " + peer.address.text()};
  if (is_owners(*found, owner_)) return {true, ""};
  if (found->inode == 0) return {false, "a process that has closed its end already"};
  return {false, "a process of uid " + std::to_string(found->uid)};
}

}  // namespace sublet::bypass
