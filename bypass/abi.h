// SPDX-License-Identifier: Apache-2.0
// The calls that the bypass has an eye on, by number and ABI. Pure; shared by the filter that picks them and the broker
// that answers them, so that the two can't disagree.
#pragma once

#include <cstdint>
#include <span>

namespace sublet::bypass {

enum class Call : std::uint8_t {
  kOther,
  kSocket,
  kConnect,
  kBind,
  kListen,
  kAccept,   // of 64-bit ABIs; what others accept is found out about afterwards (doors.h)
  kAccept4,  // the same
  kSetsockopt,
  kIoctl,
  kSocketcall,    // the 32-bit multiplexer (socketcall(2)); what it is really about stands in memory
  kSendto,        // only ever refused by the filter itself (MSG_FASTOPEN)
  kSendmsg,       // the same
  kSendmmsg,      // the same
  kIoUringSetup,  // the same
};

struct CallNumber {
  Call call;
  std::uint32_t number;
};

struct Abi {
  std::uint32_t audit_arch;   // AUDIT_ARCH_*
  std::uint32_t number_mask;  // takes x32's bit off
  bool wide;                  // 64-bit pointers and sockets that may be replaced at birth
  std::span<const CallNumber> calls;
};

/// x86-64 (and x32), i386, aarch64, arm.
[[nodiscard]] std::span<const Abi> abis();
/// What this call is in this ABI.
[[nodiscard]] Call call_of(std::uint32_t audit_arch, std::uint32_t number);

}  // namespace sublet::bypass
