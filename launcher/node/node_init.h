// SPDX-License-Identifier: Apache-2.0
// node-init: PID 1 of the cluster's namespaces. Makes the root and the node's link, then supervises the node's
// services, reaps what they leave, and takes all down when told to or when the launcher is gone.
#pragma once

namespace sublet::launcher {

/// The hidden verb. Gives the exit status: 0 after an ordered end.
[[nodiscard]] int node_init_main();

}  // namespace sublet::launcher
