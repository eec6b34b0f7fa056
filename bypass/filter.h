// SPDX-License-Identifier: Apache-2.0
// The seccomp filter of a bypassed container, as a classic BPF program: it hands the few calls that decide where a
// connection goes to the broker (SECCOMP_RET_USER_NOTIF) and leaves all others alone. It never picks read, write, send,
// recv, close, fcntl, epoll or poll: those run as if it weren't there. What the pod's own profile denies stays denied,
// for the kernel takes the strictest answer of all filters (seccomp(2)).
#pragma once

#include <linux/filter.h>

#include <vector>

namespace sublet::bypass {

/// - socket: IPv4 and IPv6 stream sockets of TCP, in 64-bit ABIs;
/// - connect, bind, listen: all of them, as the family stands in memory;
/// - accept, accept4, in 64-bit ABIs: what they find may be a doorbell (doors.h);
/// - setsockopt: options that a socket of the host could not take as one of the pod would (SO_BINDTODEVICE, SO_MARK,
/// …);
/// - ioctl: the SIOC[GS]IF… family, whose answer depends on the socket's namespace;
/// - socketcall(2) of 32-bit programs, for connect, bind and listen, and for the next;
/// - sends with MSG_FASTOPEN connect without connect(2): refused with EOPNOTSUPP, as where TCP Fast Open is off;
/// - io_uring_setup: refused with ENOSYS, since seccomp does not see what io_uring does;
/// - for `datagrams`: sendto with an address, in 64-bit ABIs, as the socket may be a host's that was connected
/// elsewhere.
[[nodiscard]] std::vector<sock_filter> notify_filter(bool datagrams = false);

}  // namespace sublet::bypass
