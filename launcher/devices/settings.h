// SPDX-License-Identifier: Apache-2.0
// What our device plugin is told: manifests/components/devices/main.go reads it. Pure.
#pragma once

#include <string>

#include "launcher/devices/devices.h"

namespace sublet::launcher {

[[nodiscard]] std::string device_plugin_settings(const DevicePlan& plan);

}  // namespace sublet::launcher
