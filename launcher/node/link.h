// SPDX-License-Identifier: Apache-2.0
// The node's links in the cluster's network namespace.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "launcher/node/orders.h"

namespace sublet::launcher {

/// Loopback up, and the node's link with its addresses and routes. Gives the tap's descriptor, or nothing where a
/// stand-in was made.
[[nodiscard]] Result<std::optional<UniqueFd>> make_link(const NodeLink& link);

}  // namespace sublet::launcher
