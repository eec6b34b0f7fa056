// SPDX-License-Identifier: Apache-2.0
// What a process of the host needs for reaching the cluster: asked for on the control socket (kGrantRequest), answered
// with this as JSON, the end of a channel that gives sockets of the cluster's (launcher/node/sockets.h) and, where the
// launcher watches Services, their names (launcher/services/service_names.h).
#pragma once

#include <string>
#include <vector>

#include "base/cidr.h"
#include "base/result.h"

namespace sublet::launcher {

inline constexpr const char* kGrantRequest = "exec";

struct Grant {
  std::string cluster;         // its name
  std::string refusal;         // why there is none; empty: there is
  std::vector<Cidr> prefixes;  // of pods, Services and the node itself
  IpAddress dns;               // the cluster's name server, port 53
  std::string domain;          // of the cluster's names
};

[[nodiscard]] std::string to_json(const Grant& grant);
[[nodiscard]] Result<Grant> grant_from_json(std::string_view text);

}  // namespace sublet::launcher
