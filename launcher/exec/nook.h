// SPDX-License-Identifier: Apache-2.0
// A network namespace in which every address is its own, for questions to name servers: a socket that is born there can
// ask 192.0.2.1, port 53, be answered by us, and see that very address as the answer's source. musl looks at that, and
// so does c-ares. It needs nothing but a user namespace, reaches nobody, and is made when it is first asked for.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::launcher {

struct Nook {
  UniqueFd sockets;  // gives sockets of it (launcher/node/sockets.h); closed where there can be no such namespace
  UniqueFd door;     // by which its name server comes, once: a socket of UDP on port 53, for IPv4, and one for IPv6
};

/// Forks the process that has it, which ends with us. To be called before there are threads.
[[nodiscard]] Result<Nook> start_nook();

}  // namespace sublet::launcher
