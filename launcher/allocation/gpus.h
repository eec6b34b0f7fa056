// SPDX-License-Identifier: Apache-2.0
// Which GPUs are ours: what the vendors' variables show to programs, held against how many the manager gave.
#pragma once

#include <vector>

#include "launcher/allocation/allocation.h"
#include "launcher/allocation/readings.h"

namespace sublet::launcher {

/// The visible ones come from CUDA_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES, GPU_DEVICE_ORDINAL or
/// ZE_AFFINITY_MASK, the first that is set. `lists` are the manager's variables of ids, the first that is set counts.
/// Both are compared by number only: where devices are constrained, a program counts its own from 0, while the manager
/// names them as on the whole host. More visible ones than given is a contradiction: cut, and said.
void read_gpus(Allocation& allocation, const std::vector<const char*>& lists, Readings& readings);

}  // namespace sublet::launcher
