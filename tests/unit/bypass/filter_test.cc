// SPDX-License-Identifier: Apache-2.0
// The filter, run as the kernel would run it (tests/support/run_filter.h).
#include "bypass/filter.h"

#include <linux/audit.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "tests/support/run_filter.h"

using namespace sublet;
using namespace sublet::bypass;

namespace {

constexpr std::uint32_t kNotify = SECCOMP_RET_USER_NOTIF;
constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kNoFastopen = SECCOMP_RET_ERRNO | EOPNOTSUPP;
constexpr std::uint32_t kNoSuchCall = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint32_t kX64 = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kI386 = AUDIT_ARCH_I386;
constexpr std::uint32_t kArm64 = AUDIT_ARCH_AARCH64;

std::uint32_t ask(std::uint32_t arch, std::uint32_t number, std::initializer_list<std::uint64_t> arguments = {}) {
  static const std::vector<sock_filter> kFilter = notify_filter();
  seccomp_data data{};
  data.arch = arch;
  data.nr = static_cast<int>(number);
  std::copy(arguments.begin(), arguments.end(), data.args);
  return test::run_filter(kFilter, data);
}

constexpr std::uint64_t kHighBits = 0xabcdef0100000000;  // of a register; the kernel looks at an int's low half alone

}  // namespace

TEST_CASE("filter: of sockets, those of TCP over IP are picked", "[bypass]") {
  struct {
    std::uint64_t domain, type, protocol;
    std::uint32_t answer;
  } const cases[] = {
      {AF_INET, SOCK_STREAM, 0, kNotify},
      {AF_INET, SOCK_STREAM, IPPROTO_TCP, kNotify},
      {AF_INET6, SOCK_STREAM, 0, kNotify},
      {AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, kNotify},
      {AF_INET | kHighBits, SOCK_STREAM | kHighBits, 0 | kHighBits, kNotify},
      {AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */, kAllow},
      {AF_INET, SOCK_STREAM, 132 /* IPPROTO_SCTP */, kAllow},
      {AF_INET, SOCK_DGRAM, 0, kAllow},
      {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, kAllow},
      {AF_INET, SOCK_RAW, IPPROTO_TCP, kAllow},  // 3: has the bit of SOCK_STREAM
      {AF_INET, SOCK_SEQPACKET, 0, kAllow},      // 5: this, too
      {AF_INET6, SOCK_DGRAM, 0, kAllow},
      {AF_UNIX, SOCK_STREAM, 0, kAllow},
      {AF_NETLINK, SOCK_RAW, 0, kAllow},
      {AF_PACKET, SOCK_RAW, 0, kAllow},
      {AF_VSOCK, SOCK_STREAM, 0, kAllow},
      {43 /* AF_SMC */, SOCK_STREAM, 0, kAllow},
      {AF_UNSPEC, SOCK_STREAM, 0, kAllow},
  };
  for (const auto& c : cases) {
    INFO(c.domain << " " << c.type << " " << c.protocol);
    CHECK(ask(kX64, 41, {c.domain, c.type, c.protocol}) == c.answer);
    CHECK(ask(kX64, 41 | kX32Bit, {c.domain, c.type, c.protocol}) == c.answer);
    CHECK(ask(kArm64, 198, {c.domain, c.type, c.protocol}) == c.answer);
    CHECK(ask(kI386, 359, {c.domain, c.type, c.protocol}) == kAllow);  // a 32-bit program's stay the pod's
    CHECK(ask(kI386, 102, {SYS_SOCKET, 0}) == kAllow);
  }
}

TEST_CASE("filter: for datagrams, sends that name somebody are picked", "[bypass]") {
  static const std::vector<sock_filter> kFilter = notify_filter(true);
  auto sendto = [](std::uint32_t arch, std::uint32_t number, std::uint64_t flags, std::uint64_t address) {
    seccomp_data data{};
    data.arch = arch;
    data.nr = static_cast<int>(number);
    data.args[3] = flags;
    data.args[4] = address;
    return test::run_filter(kFilter, data);
  };
  for (const auto& [arch, number] : {std::pair(kX64, 44U), std::pair(kX64, 44U | kX32Bit), std::pair(kArm64, 206U)}) {
    CHECK(sendto(arch, number, 0, 0) == kAllow);
    CHECK(sendto(arch, number, 0, 0x1000) == kNotify);
    CHECK(sendto(arch, number, 0, kHighBits) == kNotify);
    CHECK(sendto(arch, number, MSG_NOSIGNAL, 0x1000) == kNotify);
    CHECK(sendto(arch, number, MSG_FASTOPEN, 0x1000) == kNoFastopen);
    CHECK(sendto(arch, number, MSG_FASTOPEN, 0) == kNoFastopen);
    CHECK(ask(arch, number, {3, 0, 0, 0, 0x1000}) == kAllow);  // for others they are not
  }
  CHECK(sendto(kI386, 369, 0, 0x1000) == kAllow);
}

TEST_CASE("filter: connect, bind and listen are picked in every ABI", "[bypass]") {
  for (std::uint32_t number : {42U, 49U, 50U}) {
    CHECK(ask(kX64, number, {3, 0, 0}) == kNotify);
    CHECK(ask(kX64, number | kX32Bit, {3, 0, 0}) == kNotify);
  }
  for (std::uint32_t number : {361U, 362U, 363U}) CHECK(ask(kI386, number) == kNotify);
  for (std::uint32_t number : {200U, 201U, 203U}) CHECK(ask(kArm64, number) == kNotify);
  for (std::uint32_t number : {282U, 283U, 284U}) CHECK(ask(AUDIT_ARCH_ARM, number) == kNotify);
  for (std::uint64_t call : {SYS_CONNECT, SYS_BIND, SYS_LISTEN, SYS_SENDTO, SYS_SENDMSG, SYS_SENDMMSG}) {
    CHECK(ask(kI386, 102, {call, 0x1000}) == kNotify);
    CHECK(ask(kI386, 102, {call | kHighBits, 0x1000}) == kNotify);
  }
  for (std::uint64_t call : {SYS_ACCEPT, SYS_GETSOCKNAME, SYS_SEND, SYS_RECV, SYS_SHUTDOWN, SYS_GETSOCKOPT})
    CHECK(ask(kI386, 102, {call, 0x1000}) == kAllow);
}

TEST_CASE("filter: accept is picked in 64-bit ABIs, and left alone in others", "[bypass]") {
  for (std::uint32_t number : {43U, 288U}) {
    CHECK(ask(kX64, number, {3, 0, 0, 0}) == kNotify);
    CHECK(ask(kX64, number | kX32Bit, {3, 0, 0, SOCK_NONBLOCK}) == kNotify);
  }
  for (std::uint32_t number : {202U, 242U}) CHECK(ask(kArm64, number) == kNotify);
  CHECK(ask(kI386, 364) == kAllow);
  for (std::uint64_t call : {SYS_ACCEPT, SYS_ACCEPT4}) CHECK(ask(kI386, 102, {call, 0x1000}) == kAllow);
  for (std::uint32_t number : {285U, 366U}) CHECK(ask(AUDIT_ARCH_ARM, number) == kAllow);
}

TEST_CASE("filter: sends that would connect are refused, others are not looked at", "[bypass]") {
  struct {
    std::uint32_t arch, number;
    unsigned flags_at;
  } const calls[] = {{kX64, 44, 3},
                     {kX64, 46, 2},
                     {kX64, 307, 3},
                     {kX64, 44 | kX32Bit, 3},
                     {kI386, 369, 3},
                     {kI386, 370, 2},
                     {kI386, 345, 3},
                     {kX64, 518 | kX32Bit, 2},
                     {kArm64, 206, 3},
                     {kArm64, 211, 2},
                     {kArm64, 269, 3},
                     {kX64, 538 | kX32Bit, 3},
                     {AUDIT_ARCH_ARM, 290, 3},
                     {AUDIT_ARCH_ARM, 296, 2},
                     {AUDIT_ARCH_ARM, 374, 3}};
  for (const auto& call : calls) {
    INFO(std::hex << call.arch << " " << std::dec << call.number);
    auto with = [&](std::uint64_t flags) {
      return call.flags_at == 2 ? ask(call.arch, call.number, {3, 0, flags})
                                : ask(call.arch, call.number, {3, 0, 0, flags});
    };
    CHECK(with(MSG_FASTOPEN) == kNoFastopen);
    CHECK(with(MSG_FASTOPEN | MSG_NOSIGNAL | MSG_DONTWAIT) == kNoFastopen);
    CHECK(with(MSG_FASTOPEN | kHighBits) == kNoFastopen);
    CHECK(with(0) == kAllow);
    CHECK(with(MSG_NOSIGNAL | MSG_MORE | MSG_ZEROCOPY) == kAllow);
    CHECK(with(kHighBits) == kAllow);
  }
}

TEST_CASE("filter: options that a host's socket cannot have are picked, by level and name", "[bypass]") {
  struct {
    std::uint64_t level, name;
    std::uint32_t answer;
  } const cases[] = {
      {SOL_SOCKET, SO_BINDTODEVICE, kNotify},
      {SOL_SOCKET, SO_BINDTOIFINDEX, kNotify},
      {SOL_SOCKET, SO_MARK, kNotify},
      {SOL_SOCKET, SO_PRIORITY, kNotify},
      {IPPROTO_IP, IP_TRANSPARENT, kNotify},
      {IPPROTO_IP, IP_OPTIONS, kNotify},  // source routes
      {IPPROTO_TCP, 31, kNotify},         // TCP_ULP
      {IPPROTO_IP, IP_UNICAST_IF, kNotify},
      {IPPROTO_IPV6, IPV6_TRANSPARENT, kNotify},
      {IPPROTO_IPV6, IPV6_UNICAST_IF, kNotify},
      {SOL_SOCKET | kHighBits, SO_MARK | kHighBits, kNotify},
      {SOL_SOCKET, SO_REUSEADDR, kAllow},
      {SOL_SOCKET, SO_RCVBUF, kAllow},
      {IPPROTO_TCP, 1, kAllow},
      {IPPROTO_TCP, SO_MARK, kAllow},         // the same number of another level
      {IPPROTO_IP, SO_BINDTODEVICE, kAllow},  // the same
      {IPPROTO_IPV6, IPV6_V6ONLY, kAllow},
  };
  for (const auto& c : cases) {
    INFO(c.level << " " << c.name);
    CHECK(ask(kX64, 54, {3, c.level, c.name}) == c.answer);
    CHECK(ask(kX64, 541 | kX32Bit, {3, c.level, c.name}) == c.answer);
    CHECK(ask(kI386, 366, {3, c.level, c.name}) == c.answer);
    CHECK(ask(kArm64, 208, {3, c.level, c.name}) == c.answer);
  }
}

TEST_CASE("filter: of ioctls, those about interfaces are picked", "[bypass]") {
  struct {
    std::uint64_t request;
    std::uint32_t answer;
  } const cases[] = {
      {SIOCGIFNAME, kNotify},  {SIOCGIFCONF, kNotify}, {SIOCGIFADDR, kNotify}, {SIOCGIFHWADDR, kNotify},
      {SIOCGIFINDEX, kNotify}, {SIOCETHTOOL, kNotify}, {0x89ff, kNotify},      {SIOCGIFCONF | kHighBits, kNotify},
      {0x890f, kAllow},        {0x8a00, kAllow},       {FIONBIO, kAllow},      {FIONREAD, kAllow},
      {FIOCLEX, kAllow},       {SIOCATMARK, kAllow},   {SIOCOUTQ, kAllow},     {0x5401, kAllow},
      {kHighBits, kAllow},     {0xffffffff, kAllow},
  };
  for (const auto& c : cases) {
    INFO(std::hex << c.request);
    CHECK(ask(kX64, 16, {3, c.request}) == c.answer);
    CHECK(ask(kX64, 514 | kX32Bit, {3, c.request}) == c.answer);
    CHECK(ask(kI386, 54, {3, c.request}) == c.answer);
    CHECK(ask(kArm64, 29, {3, c.request}) == c.answer);
  }
}

TEST_CASE("filter: there is no io_uring in any ABI", "[bypass]") {
  for (std::uint32_t arch : {kX64, kI386, kArm64, std::uint32_t{AUDIT_ARCH_ARM}}) CHECK(ask(arch, 425) == kNoSuchCall);
  CHECK(ask(kX64, 425 | kX32Bit) == kNoSuchCall);
}

TEST_CASE("filter: everything else is allowed, whatever the arguments", "[bypass]") {
  // Each number of x86-64 that is not one of the calls above: read, write, close, poll, dup, sendfile, recvfrom,
  // recvmsg, shutdown, getsockname, fork, exit, fcntl, epoll_*, recvmmsg, close_range, …
  for (std::uint32_t number = 0; number < 512; ++number) {
    const bool watched = number == 16 || number == 41 || number == 42 || number == 44 || number == 46 || number == 49 ||
                         number == 43 || number == 50 || number == 54 || number == 288 || number == 307 ||
                         number == 425;
    if (watched) continue;
    for (std::uint64_t word : {std::uint64_t{0}, std::uint64_t{2}, ~std::uint64_t{0}}) {
      INFO(number);
      CHECK(ask(kX64, number, {word, word, word, word, word, word}) == kAllow);
    }
  }
  for (std::uint32_t number : {3U, 4U, 5U, 6U, 55U, 142U, 168U, 221U, 255U, 256U, 364U, 371U, 372U})
    CHECK(ask(kI386, number, {2, 1, ~std::uint64_t{0}, ~std::uint64_t{0}}) == kAllow);
  for (std::uint32_t number : {20U, 21U, 22U, 24U, 25U, 57U, 63U, 64U, 204U, 205U, 207U, 212U, 243U})
    CHECK(ask(kArm64, number, {2, 1, ~std::uint64_t{0}, ~std::uint64_t{0}}) == kAllow);
}

TEST_CASE("filter: an architecture that it does not know is left alone", "[bypass]") {
  for (std::uint32_t arch : {std::uint32_t{AUDIT_ARCH_S390X}, std::uint32_t{AUDIT_ARCH_PPC64LE}, 0U})
    for (std::uint32_t number : {41U, 42U, 102U, 203U, 362U, 425U}) CHECK(ask(arch, number, {2, 1, 0}) == kAllow);
}
