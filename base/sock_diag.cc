// SPDX-License-Identifier: Apache-2.0
#include "bypass/sock_diag.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace sublet::bypass {

DiagRequest diag_request(const Endpoint& own, const Endpoint& peer, std::uint32_t number) {
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

}  // namespace sublet::bypass
