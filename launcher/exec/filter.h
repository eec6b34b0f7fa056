// SPDX-License-Identifier: Apache-2.0
// The seccomp filter of programs of the host that reach the cluster, as a classic BPF program. It hands over what may
// be meant for the cluster or a name server, and no other call: MPI, files, sends and receives never meet anybody.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace sublet::launcher {

/// - connect, of all families (the family stands in memory), in every ABI; by socketcall(2) as well;
/// - sendto with an address and exactly MSG_NOSIGNAL: how musl's resolver asks (res_msend.c); glibc's, Go's and
/// c-ares's
///   connect their sockets first.
[[nodiscard]] std::vector<sock_filter> exec_filter();

}  // namespace sublet::launcher
