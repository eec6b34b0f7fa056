// SPDX-License-Identifier: Apache-2.0
// What keeps an accepted connection of the host what it is, once a program of a pod has it.
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "bypass/doors.h"
#include "bypass/socket_kind.h"

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

namespace sublet::bypass {
namespace {

constexpr std::uint32_t kFlagsOfTcp = 13;   // RFC 9293 §3.1; a stream socket's filter sees the packet from there on
constexpr std::uint32_t kSynAndAck = 0x12;  // the same: SYN 0x02, ACK 0x10

}  // namespace

Result<void> Doors::guard(int listener) {
  // A listener never gets SYN+ACK, nor does what it accepts. Only a connection that one has begun oneself needs it.
  sock_filter code[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, kFlagsOfTcp},
                        {BPF_ALU | BPF_AND | BPF_K, 0, 0, kSynAndAck},
                        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, kSynAndAck},
                        {BPF_RET | BPF_K, 0, 0, 0},
                        {BPF_RET | BPF_K, 0, 0, ~0U}};
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  if (::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
    if (errno == EPERM) return {};  // secure() sees that it is not there
    return fail_errno("SO_ATTACH_FILTER");
  }
  const int on = 1;
  if (::setsockopt(listener, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) != 0) return fail_errno("SO_LOCK_FILTER");
  return {};
}

bool Doors::secure(int connection) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(connection, SOL_SOCKET, SO_LOCK_FILTER, &value, &size) == 0 && value != 0) return true;
  // Whoever knocked before and found no room has bound it; the kernel lets nobody bind it a second time.
  constexpr int kLoopback = 1;  // LOOPBACK_IFINDEX, in every namespace
  if (device_of(connection) > kLoopback) return true;
  // The device that it came by: an accepted socket of IPv6 has it where a new one has none (tcp_v6_syn_recv_sock()).
  size = sizeof value;
  if (::getsockopt(connection, IPPROTO_IPV6, IPV6_MULTICAST_IF, &value, &size) != 0) return false;
  return value > kLoopback && ::setsockopt(connection, SOL_SOCKET, SO_BINDTOIFINDEX, &value, sizeof value) == 0;
}

}  // namespace sublet::bypass
