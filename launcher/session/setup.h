// SPDX-License-Identifier: Apache-2.0
// From the plan to what node-init is started with: folders and files of the state directory, mounts, link, services.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bypass/orders.h"
#include "launcher/cluster/files.h"
#include "launcher/node/orders.h"
#include "launcher/pki/cluster_pki.h"
#include "launcher/plan/plan.h"

namespace sublet::launcher {

/// What the broker is told.
[[nodiscard]] Result<bypass::BrokerOrders> broker_orders(const Plan& plan);

/// The certificates' names and addresses.
[[nodiscard]] PkiPlan pki_plan(const Plan& plan);

/// Makes the folders of the state directory and writes every file of the components into it, and what the
/// configuration names outside (CA files of registries).
Result<void> write_state(const std::string& state_dir, const Plan& plan, const ClusterPki& pki);

/// Anew, of what write_state() has written, all that says which share of the machine is ours. Whoever starts from now
/// on sees it: the kubelet, and containers.
Result<void> write_machine(const std::string& state_dir, const Plan& plan);

/// `wrapper` is our OCI wrapper's path on the host. Reads the host's / and /etc/resolv.conf.
[[nodiscard]] Result<NodeOrders> node_orders(const std::string& state_dir, const Plan& plan,
                                             const std::string& wrapper);

}  // namespace sublet::launcher
