// SPDX-License-Identifier: Apache-2.0
// Whose the other end of a loopback connection is: what SO_PEERCRED tells for AF_UNIX, by sock_diag(7) for TCP.
#pragma once

#include <sys/types.h>

#include <optional>

namespace sublet::launcher {

/// The user who made the socket at the other end of `fd`, an IPv4 TCP connection within this network namespace. Nothing
/// if the kernel does not tell (no inet_diag) or that end is closed already.
[[nodiscard]] std::optional<uid_t> peer_uid(int fd);

}  // namespace sublet::launcher
