// SPDX-License-Identifier: Apache-2.0
// Which GPUs are offered, and as what: by their names of CDI where a specification has one, else by their device nodes.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "launcher/allocation/share.h"
#include "launcher/devices/choose.h"
#include "launcher/devices/devices.h"

namespace sublet::launcher {

struct Offer {
  std::vector<DeviceResource> resources;
  std::vector<std::string> lost;
};

/// One vendor's, if `share` says which are ours: that whose variable it was, or the first that has any here (Slurm sets
/// CUDA_VISIBLE_DEVICES for every kind). Indices in the vendors' variables count what can be opened (see read_gpus());
/// those of the manager's lists count all of the host's.
[[nodiscard]] Offer offer_gpus(const DeviceFacts& facts, const Share& share, HostGroups groups);

}  // namespace sublet::launcher
