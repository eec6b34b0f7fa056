// SPDX-License-Identifier: Apache-2.0
// Landlock around a watched container: none of its threads can make the kernel connect a TCP socket, only the broker
// can, which is outside of it. It closes the one gap that notifications leave: names of AF_UNIX are left to the kernel
// (SO_PEERCRED must be the program's), and a program may put another socket in the descriptor's place by then. Without
// the fence such a connection of a host's socket goes anywhere that the cluster's device leads to, the deny list
// notwithstanding; never to the host's loopback.
//
// The price: processes of different execs in one container cannot look into each other (ptrace(2), /proc/PID/fd, …), as
// Landlock's domains do not. So it is for pods to which something is denied.
#pragma once

#include "base/result.h"

namespace sublet::bypass {

/// For the calling thread and all that it will start, for good. False where the kernel has no such rule (before Linux
/// 6.7, or Landlock is off). Needs CAP_SYS_ADMIN in its user namespace, or no_new_privs.
[[nodiscard]] Result<bool> fence_connect();

}  // namespace sublet::bypass
