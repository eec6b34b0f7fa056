// SPDX-License-Identifier: Apache-2.0
// What is known of ports of the host that lead into a cluster.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "launcher/state/clusters.h"

namespace sublet::launcher {

/// REDIS_HOST → address, and so on (launcher/services/env_names.h). An error if the cluster has no such ports, or is
/// not ready.
[[nodiscard]] Result<std::map<std::string, std::string>> variables_of(const Cluster& cluster);

}  // namespace sublet::launcher
