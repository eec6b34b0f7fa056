// SPDX-License-Identifier: Apache-2.0
#include "bypass/abi.h"

#include <linux/audit.h>

#include <array>

namespace sublet::bypass {
namespace {

// arch/x86/entry/syscalls/syscall_64.tbl. x32 has the same calls by the same numbers, but for those from 512 on.
constexpr std::array<CallNumber, 12> kX64{{
    {Call::kSocket, 41},
    {Call::kConnect, 42},
    {Call::kSendto, 44},
    {Call::kSendmsg, 46},
    {Call::kBind, 49},
    {Call::kListen, 50},
    {Call::kAccept, 43},
    {Call::kAccept4, 288},
    {Call::kSetsockopt, 54},
    {Call::kIoctl, 16},
    {Call::kSendmmsg, 307},
    {Call::kIoUringSetup, 425},
}};
// syscall_64.tbl, the entries for x32 alone (without __X32_SYSCALL_BIT).
constexpr std::array<CallNumber, 4> kX32{{
    {Call::kIoctl, 514},
    {Call::kSendmsg, 518},
    {Call::kSendmmsg, 538},
    {Call::kSetsockopt, 541},
}};
// arch/x86/entry/syscalls/syscall_32.tbl
constexpr std::array<CallNumber, 11> kI386{{
    {Call::kSocketcall, 102},
    {Call::kSocket, 359},
    {Call::kBind, 361},
    {Call::kConnect, 362},
    {Call::kListen, 363},
    {Call::kSetsockopt, 366},
    {Call::kSendto, 369},
    {Call::kSendmsg, 370},
    {Call::kSendmmsg, 345},
    {Call::kIoctl, 54},
    {Call::kIoUringSetup, 425},
}};
// include/uapi/asm-generic/unistd.h
constexpr std::array<CallNumber, 12> kAarch64{{
    {Call::kSocket, 198},
    {Call::kBind, 200},
    {Call::kListen, 201},
    {Call::kAccept, 202},
    {Call::kAccept4, 242},
    {Call::kConnect, 203},
    {Call::kSendto, 206},
    {Call::kSetsockopt, 208},
    {Call::kSendmsg, 211},
    {Call::kIoctl, 29},
    {Call::kSendmmsg, 269},
    {Call::kIoUringSetup, 425},
}};
// arch/arm/tools/syscall.tbl
constexpr std::array<CallNumber, 10> kArm{{
    {Call::kSocket, 281},
    {Call::kBind, 282},
    {Call::kConnect, 283},
    {Call::kListen, 284},
    {Call::kSendto, 290},
    {Call::kSetsockopt, 294},
    {Call::kSendmsg, 296},
    {Call::kIoctl, 54},
    {Call::kSendmmsg, 374},
    {Call::kIoUringSetup, 425},
}};

constexpr std::uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT

constexpr std::array<CallNumber, kX64.size() + kX32.size()> both() {
  std::array<CallNumber, kX64.size() + kX32.size()> all{};
  std::size_t at = 0;
  for (const CallNumber& call : kX64) all[at++] = call;
  for (const CallNumber& call : kX32) all[at++] = call;
  return all;
}
// 512 and up are not given out to x86-64 proper, so one list does for both.
constexpr auto kX86Wide = both();

constexpr std::array<Abi, 4> kAbis{{
    {AUDIT_ARCH_X86_64, ~kX32Bit, true, kX86Wide},
    {AUDIT_ARCH_I386, ~0U, false, kI386},
    {AUDIT_ARCH_AARCH64, ~0U, true, kAarch64},
    {AUDIT_ARCH_ARM, ~0U, false, kArm},
}};

}  // namespace

std::span<const Abi> abis() { return kAbis; }

Call call_of(std::uint32_t audit_arch, std::uint32_t number) {
  for (const Abi& abi : kAbis) {
    if (abi.audit_arch != audit_arch) continue;
    for (const CallNumber& call : abi.calls)
      if (call.number == (number & abi.number_mask)) return call.call;
  }
  return Call::kOther;
}

}  // namespace sublet::bypass
