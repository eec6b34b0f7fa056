// SPDX-License-Identifier: Apache-2.0
// Where sockets come from: from a process inside the cluster's network namespace, as descriptors. What they connect to
// is then that namespace's, wherever the one who connects runs.
#pragma once

#include <functional>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::launcher {

/// Gives a new, unconnected IPv4 TCP socket. It should answer within milliseconds: its callers wait for it.
using SocketSource = std::function<Result<UniqueFd>()>;

}  // namespace sublet::launcher
