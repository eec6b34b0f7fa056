// SPDX-License-Identifier: Apache-2.0
// Looks at the devices of this host. GPUs and what CDI names are asked about by access(2), which heeds a job's device
// cgroup as open(2) does: opening a GPU that nobody uses initialises it, which takes seconds. What the configuration
// names is opened: a node may be there without its driver.
#pragma once

#include <string>

#include "launcher/config/config.h"
#include "launcher/devices/devices.h"

namespace sublet::launcher {

/// Where to look: a test has trees of its own. `dev` stands for /dev in what is found, too.
struct DevicePlaces {
  std::string dev = "/dev";
  std::string proc = "/proc";
  std::string sys = "/sys";
  std::vector<std::string> cdi = {"/etc/cdi", "/run/cdi"};  // before the configuration's
};

/// `device_plugin`: the component, which reads CDI specifications for us; it is run only where there are some. What
/// cannot be read is a warning.
[[nodiscard]] DeviceFacts look_at_devices(const Config& config, const std::string& device_plugin,
                                          const DevicePlaces& places = {});

}  // namespace sublet::launcher
