// SPDX-License-Identifier: Apache-2.0
// What of this host's devices the node offers. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/allocation/share.h"
#include "launcher/config/config.h"
#include "launcher/devices/devices.h"

namespace sublet::launcher {

/// Whether containers' processes have our supplementary groups: runc sets those of the container instead, unless
/// setgroups(2) is denied, as it is without subordinate ids.
enum class HostGroups { kKept, kLost };

/// The offer: the configuration's devices, and the GPUs that are ours by `share`, or all that can be opened where it
/// says nothing. A resource that the configuration names is its alone. An error (kUsage) only where a path is something
/// else than a device; what the host lacks is told in `lost`.
[[nodiscard]] Result<DevicePlan> plan_devices(const Config& config, const DeviceFacts& facts, const Share& share,
                                              HostGroups groups);

/// "example.org/tun 4, nvidia.com/gpu 2"; "none".
[[nodiscard]] std::string devices_text(const DevicePlan& plan);

/// Why containers cannot use the node; nothing if they can.
[[nodiscard]] std::optional<std::string> out_of_reach(const DeviceFacts& facts, const std::string& path,
                                                      HostGroups groups);

}  // namespace sublet::launcher
