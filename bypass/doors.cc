// SPDX-License-Identifier: Apache-2.0
#include "bypass/doors.h"

#include <linux/filter.h>
#include <sys/socket.h>

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
  if (::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return fail_errno("SO_ATTACH_FILTER");
  const int on = 1;
  if (::setsockopt(listener, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) != 0) return fail_errno("SO_LOCK_FILTER");
  return {};
}

void Doors::open(const std::shared_ptr<Pod>& pod, std::uint16_t port) {
  (void)pod;
  (void)port;
}

void Doors::close(const std::shared_ptr<Pod>& pod, std::uint16_t port) {
  (void)pod;
  (void)port;
}

bool Doors::knock(const std::shared_ptr<Pod>& pod, const Endpoint& at, UniqueFd& connection, Done done) {
  (void)pod;
  (void)at;
  (void)connection;
  (void)done;
  return false;
}

}  // namespace sublet::bypass
