// SPDX-License-Identifier: Apache-2.0
// What `sublet status --net` shows.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bypass/pod.h"

namespace sublet::bypass {

/// Adds the one's counts to the other's.
void add_up(Counters& to, const Counters& from);

/// {"schema": 1, "device", "listeners", "pods": [{"namespace", "pod", "uid", "level", "sockets", "connections",
/// "datagrams", "failed", "inward": {"handed", "relayed", "refused", "lost", "waiting"}, "left": {"loopback": 3, …}}],
/// "ended": {…}, "total": {…}}. Reasons that did not occur are left out. `ports`: HostPorts::report().
[[nodiscard]] std::string report_as_json(const std::string& device, std::size_t listeners,
                                         const std::vector<std::shared_ptr<Pod>>& pods, const Counters& ended,
                                         const nlohmann::json& ports);

}  // namespace sublet::bypass
