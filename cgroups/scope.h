// SPDX-License-Identifier: Apache-2.0
// A transient scope of the user's own systemd: a delegated cgroup outside of the job's, with the job's limits on it.
// https://systemd.io/CONTROL_GROUP_INTERFACE, org.freedesktop.systemd1(5)
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cgroups/limits.h"

namespace sublet::cgroups {

/// A property of the unit, with the D-Bus type that systemd expects: b, s, t, au, ay.
struct UnitProperty {
  std::string name;
  std::variant<bool, std::string, std::uint64_t, std::vector<std::uint32_t>, std::vector<std::uint8_t>> value;
  bool operator==(const UnitProperty&) const = default;
};

/// What a scope for `pid` is asked for. Limits that the manager has no controller for are left out: systemd would take
/// them and do nothing.
[[nodiscard]] std::vector<UnitProperty> scope_properties(pid_t pid, const Limits& limits,
                                                         const std::vector<std::string>& controllers);

/// "sublet-JOB-NAME-PID.scope": what is no character of a unit's name becomes '_'.
[[nodiscard]] std::string scope_name(const std::string& cluster, pid_t launcher);

/// Asks the manager at `socket` to move `pid` into a new scope, and waits until that is done. Never longer than
/// `limit`.
Result<void> start_scope(const std::string& socket, const std::string& name,
                         const std::vector<UnitProperty>& properties,
                         std::chrono::milliseconds limit = std::chrono::milliseconds(1000));

}  // namespace sublet::cgroups
