// SPDX-License-Identifier: Apache-2.0
// Which file systems may not hold a cluster's state: etcd's files, sockets, overlay layers and files of subordinate ids
// need a local one. Network ones lose locks, refuse foreign ids, or make every site's metadata server suffer.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sublet::launcher {

/// The name of the network (or FUSE) file system with this statfs(2) f_type; nothing if it is not a known one. FUSE
/// counts as one: what is behind it can't be told, and a user namespace may not enter another user's.
[[nodiscard]] std::optional<std::string_view> network_filesystem(std::int64_t magic);

}  // namespace sublet::launcher
