// SPDX-License-Identifier: Apache-2.0
// The question that the kernel is asked of one TCP connection (sock_diag(7)).
#pragma once

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include <cstdint>

#include "bypass/endpoint.h"

namespace sublet::bypass {

struct DiagRequest {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

/// Of the socket that is at `own` and connected with `peer`, in whatever state. Where the kernel knows none it answers
/// with a listener at `own`, if there is one (inet_lookup()).
[[nodiscard]] DiagRequest diag_request(const Endpoint& own, const Endpoint& peer, std::uint32_t number);

}  // namespace sublet::bypass
