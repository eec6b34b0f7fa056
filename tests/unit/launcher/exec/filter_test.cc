// SPDX-License-Identifier: Apache-2.0
// The filter, run as the kernel would run it (tests/support/run_filter.h).
#include "launcher/exec/filter.h"

#include <linux/audit.h>
#include <linux/net.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "tests/support/run_filter.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {

constexpr std::uint32_t kNotify = SECCOMP_RET_USER_NOTIF;
constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint64_t kHigh = std::uint64_t{1} << 32U;

struct Case {
  const char* what;
  std::uint32_t arch;
  std::uint32_t number;
  std::initializer_list<std::uint64_t> arguments;
  std::uint32_t answer;
};

void check(std::initializer_list<Case> cases) {
  static const std::vector<sock_filter> kFilter = exec_filter();
  for (const Case& c : cases) {
    CAPTURE(c.what, c.arch, c.number);
    seccomp_data data{};
    data.arch = c.arch;
    data.nr = static_cast<int>(c.number);
    std::copy(c.arguments.begin(), c.arguments.end(), data.args);
    CHECK(test::run_filter(kFilter, data) == c.answer);
  }
}

}  // namespace

TEST_CASE("exec filter: connect is picked in every ABI", "[exec]") {
  check({
      {"x86-64", AUDIT_ARCH_X86_64, 42, {3, 0x7000, 16}, kNotify},
      {"x32", AUDIT_ARCH_X86_64, 42 | kX32Bit, {3, 0x7000, 16}, kNotify},
      {"i386", AUDIT_ARCH_I386, 362, {3, 0x7000, 16}, kNotify},
      {"i386 by socketcall", AUDIT_ARCH_I386, 102, {SYS_CONNECT, 0x7000}, kNotify},
      {"aarch64", AUDIT_ARCH_AARCH64, 203, {3, 0x7000, 16}, kNotify},
      {"arm", AUDIT_ARCH_ARM, 283, {3, 0x7000, 16}, kNotify},
  });
}

TEST_CASE("exec filter: of sends, those as musl's resolver makes them are picked", "[exec]") {
  check({
      {"x86-64", AUDIT_ARCH_X86_64, 44, {3, 1, 30, MSG_NOSIGNAL, 0x7000, 16}, kNotify},
      {"an address above 4 GiB", AUDIT_ARCH_X86_64, 44, {3, 1, 30, MSG_NOSIGNAL, kHigh, 16}, kNotify},
      {"i386", AUDIT_ARCH_I386, 369, {3, 1, 30, MSG_NOSIGNAL, 0x7000, 16}, kNotify},
      {"aarch64", AUDIT_ARCH_AARCH64, 206, {3, 1, 30, MSG_NOSIGNAL, 0x7000, 16}, kNotify},
      {"arm", AUDIT_ARCH_ARM, 290, {3, 1, 30, MSG_NOSIGNAL, 0x7000, 16}, kNotify},
      {"send(2)", AUDIT_ARCH_X86_64, 44, {3, 1, 30, MSG_NOSIGNAL, 0, 0}, kAllow},
      {"no flag", AUDIT_ARCH_X86_64, 44, {3, 1, 30, 0, 0x7000, 16}, kAllow},
      {"one more flag", AUDIT_ARCH_X86_64, 44, {3, 1, 30, MSG_NOSIGNAL | MSG_DONTWAIT, 0x7000, 16}, kAllow},
  });
}

TEST_CASE("exec filter: nothing else is", "[exec]") {
  check({
      {"read", AUDIT_ARCH_X86_64, 0, {}, kAllow},
      {"socket", AUDIT_ARCH_X86_64, 41, {AF_INET, SOCK_STREAM}, kAllow},
      {"sendmsg", AUDIT_ARCH_X86_64, 46, {3, 1, MSG_NOSIGNAL}, kAllow},
      {"sendmmsg", AUDIT_ARCH_X86_64, 307, {3, 1, 2, MSG_NOSIGNAL}, kAllow},
      {"bind", AUDIT_ARCH_X86_64, 49, {3, 0x7000, 16}, kAllow},
      {"accept", AUDIT_ARCH_X86_64, 43, {3}, kAllow},
      {"ioctl", AUDIT_ARCH_X86_64, 16, {3, 0x8912}, kAllow},
      {"setsockopt", AUDIT_ARCH_X86_64, 54, {3, SOL_SOCKET, SO_MARK}, kAllow},
      {"io_uring_setup", AUDIT_ARCH_X86_64, 425, {}, kAllow},
      {"socketcall for another call", AUDIT_ARCH_I386, 102, {SYS_BIND, 0x7000}, kAllow},
      {"connect's number in another ABI", AUDIT_ARCH_I386, 42, {}, kAllow},
      {"an unknown ABI", 0x12345678, 42, {}, kAllow},
  });
}
