// SPDX-License-Identifier: Apache-2.0
// The plain facts of a host and of who runs us: account, node name, allocation, CPUs, memory, kernel limits. The ones
// that decide something are pure and take what they decide on.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/facts/facts.h"

namespace sublet::launcher {

/// getenv(3).
[[nodiscard]] std::optional<std::string> environment(const std::string& name);

struct Account {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;  // the name, or the number where the account has no entry (containers, a directory that is down)
  std::string home;  // $HOME if absolute, else the account's, else "/"
};
/// Of the effective ids. Never fails.
[[nodiscard]] Account find_account(const GetEnv& env);

/// A host name made a valid node name: a DNS subdomain of lower case letters, digits, '-' and '.' (RFC 1123), at most
/// 63 characters because kubernetes.io/hostname is a label's value. "node" if nothing is left.
[[nodiscard]] std::string node_name_of(std::string_view hostname);

/// The allocation that we run in, as our environment tells.
[[nodiscard]] Allocation own_allocation(std::vector<std::string>& warnings);

/// What the kernel lets us use of this host. Cheap enough to be asked again while a cluster runs.
[[nodiscard]] HostLimits host_limits();

/// MemTotal of the text of /proc/meminfo, in bytes; 0 if it is not there.
[[nodiscard]] std::uint64_t memory_total(std::string_view meminfo);

/// A number of /proc/sys ("fs/inotify/max_user_watches"); nothing if the kernel has none.
[[nodiscard]] std::optional<std::uint64_t> kernel_setting(const std::string& name);

/// A failure to make a user namespace, made plain: the kernel says ENOSPC for a limit of 0, and EPERM or EACCES for a
/// distribution's switches. `setting` is kernel_setting().
[[nodiscard]] std::string explain_user_namespace(
    const std::string& failure, const std::function<std::optional<std::uint64_t>(const std::string&)>& setting);

}  // namespace sublet::launcher
