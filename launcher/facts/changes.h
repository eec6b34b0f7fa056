// SPDX-License-Identifier: Apache-2.0
// The changes that an administrator would make, as shell commands for root (comments among them, with '#'). Each is
// safe to run twice and outlives a reboot.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/facts/facts.h"

namespace sublet::launcher::changes {

using Commands = std::vector<std::string>;

[[nodiscard]] Commands user_namespace(const Facts& facts);
[[nodiscard]] Commands subuid(const Facts& facts);
[[nodiscard]] Commands cgroup_leaf(const Facts& facts);
[[nodiscard]] Commands cgroup_systemd(const Facts& facts);
[[nodiscard]] Commands tun();
[[nodiscard]] Commands bypass(const Facts& facts);
/// So that a process may look into its children. `reason`: why it can't.
[[nodiscard]] Commands watching(const std::string& reason);
[[nodiscard]] Commands network_policy(const Facts& facts);
[[nodiscard]] Commands nftables(const Facts& facts);
[[nodiscard]] Commands iptables();
[[nodiscard]] Commands proc();
[[nodiscard]] Commands open_files(const Facts& facts);
/// Loads kernel modules, now and at boot.
[[nodiscard]] Commands modules(const std::vector<std::string>& names);
/// sysctl(8), now and at boot.
[[nodiscard]] Commands kernel_setting(const std::string& name, std::uint64_t value);

}  // namespace sublet::launcher::changes
