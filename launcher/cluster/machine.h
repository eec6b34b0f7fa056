// SPDX-License-Identifier: Apache-2.0
// What the kubelet takes for the machine: our share of it. It reads /proc and /sys for that (cadvisor, machine.go), and
// no setting says otherwise; so it gets files of ours over those, in a mount namespace that only it has. Pods see the
// real ones, in a procfs of their own: a file bound over a part of /proc where they start would keep them from mounting
// that (mount_too_revealing() in fs/namespace.c).
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/allocation/share.h"
#include "launcher/cluster/files.h"

namespace sublet::launcher {

/// What the files are made from.
struct MachineTexts {
  std::string cpuinfo;  // of /proc/cpuinfo
  /// A file of /sys/devices/system/cpu, as "cpu0/topology/core_id"; empty if there is none.
  std::function<std::string(const std::string&)> sys_cpu;
};
[[nodiscard]] MachineTexts read_machine();

/// Where the files are, relative to the state directory.
inline constexpr const char* kMachineFolder = "etc/machine";

/// /proc/cpuinfo is always among them: the kubelet needs a clock's rate in it, which some machines have not. Memory and
/// CPUs only where the share is less than the machine: there the real ones tell more.
[[nodiscard]] std::vector<StateFile> machine_files(const Share& share, const MachineTexts& texts);

/// What of them is bound over what, for Service::own_view: all that there can be, as a kubelet that is started later
/// may have another share.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> machine_view();

}  // namespace sublet::launcher
