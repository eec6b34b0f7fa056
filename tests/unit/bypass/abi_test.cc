// SPDX-License-Identifier: Apache-2.0
#include "bypass/abi.h"

#include <linux/audit.h>
#include <sys/syscall.h>

#include <catch2/catch.hpp>
#include <set>

using namespace sublet::bypass;

namespace {
constexpr std::uint32_t kX32Bit = 0x40000000;
}

TEST_CASE("abi: each ABI has its own numbers", "[bypass]") {
  struct {
    std::uint32_t arch;
    std::uint32_t number;
    Call call;
  } const cases[] = {
      {AUDIT_ARCH_X86_64, 41, Call::kSocket},
      {AUDIT_ARCH_X86_64, 42, Call::kConnect},
      {AUDIT_ARCH_X86_64, 49, Call::kBind},
      {AUDIT_ARCH_X86_64, 50, Call::kListen},
      {AUDIT_ARCH_X86_64, 43, Call::kAccept},
      {AUDIT_ARCH_X86_64, 288, Call::kAccept4},
      {AUDIT_ARCH_X86_64, kX32Bit | 288, Call::kAccept4},
      {AUDIT_ARCH_I386, 364, Call::kOther},  // accept4: 32-bit programs' accepts are not picked
      {AUDIT_ARCH_X86_64, 425, Call::kIoUringSetup},
      {AUDIT_ARCH_X86_64, 102, Call::kOther},  // getuid here, socketcall in i386
      {AUDIT_ARCH_X86_64, kX32Bit | 42, Call::kConnect},
      {AUDIT_ARCH_X86_64, kX32Bit | 514, Call::kIoctl},
      {AUDIT_ARCH_X86_64, kX32Bit | 518, Call::kSendmsg},
      {AUDIT_ARCH_X86_64, kX32Bit | 538, Call::kSendmmsg},
      {AUDIT_ARCH_X86_64, kX32Bit | 541, Call::kSetsockopt},
      {AUDIT_ARCH_I386, 102, Call::kSocketcall},
      {AUDIT_ARCH_I386, 362, Call::kConnect},
      {AUDIT_ARCH_I386, 41, Call::kOther},  // dup
      {AUDIT_ARCH_I386, kX32Bit | 362, Call::kOther},
      {AUDIT_ARCH_AARCH64, 203, Call::kConnect},
      {AUDIT_ARCH_AARCH64, 42, Call::kOther},
      {AUDIT_ARCH_ARM, 283, Call::kConnect},
      {AUDIT_ARCH_S390X, 362, Call::kOther},
      {0, 42, Call::kOther},
  };
  for (const auto& c : cases) {
    INFO(std::hex << c.arch << " " << std::dec << c.number);
    CHECK(call_of(c.arch, c.number) == c.call);
  }
}

TEST_CASE("abi: the numbers of the build's own ABI are the headers'", "[bypass]") {
#ifdef __x86_64__
  constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
#else
  constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
#endif
  struct {
    long number;
    Call call;
  } const cases[] = {{SYS_socket, Call::kSocket},     {SYS_connect, Call::kConnect},
                     {SYS_bind, Call::kBind},         {SYS_listen, Call::kListen},
                     {SYS_ioctl, Call::kIoctl},       {SYS_setsockopt, Call::kSetsockopt},
                     {SYS_sendto, Call::kSendto},     {SYS_sendmsg, Call::kSendmsg},
                     {SYS_sendmmsg, Call::kSendmmsg}, {SYS_io_uring_setup, Call::kIoUringSetup},
                     {SYS_accept, Call::kAccept},     {SYS_accept4, Call::kAccept4},
                     {SYS_read, Call::kOther},        {SYS_close, Call::kOther}};
  for (const auto& c : cases) {
    INFO(c.number);
    CHECK(call_of(kNative, static_cast<std::uint32_t>(c.number)) == c.call);
  }
}

TEST_CASE("abi: no number stands twice in an ABI", "[bypass]") {
  for (const Abi& abi : abis()) {
    std::set<std::uint32_t> seen;
    for (const CallNumber& call : abi.calls) CHECK(seen.insert(call.number).second);
  }
}
