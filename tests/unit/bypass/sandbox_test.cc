// SPDX-License-Identifier: Apache-2.0
// What the broker's own filter answers, run as the kernel would run it (tests/support/run_filter.h). That it leaves the
// broker all that it needs, the integration tests show.
#include "bypass/sandbox.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "tests/support/run_filter.h"

using namespace sublet;
using namespace sublet::bypass;

namespace {

constexpr pid_t kSelf = 4711;
constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kKill = SECCOMP_RET_KILL_PROCESS;
#ifdef __aarch64__
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
#endif

std::uint32_t ask(long number, std::initializer_list<std::uint64_t> arguments = {}, std::uint32_t arch = kNative) {
  seccomp_data data{};
  data.arch = arch;
  data.nr = static_cast<int>(number);
  std::copy(arguments.begin(), arguments.end(), data.args);
  return test::run_filter(sandbox_filter(kSelf), data);
}

}  // namespace

TEST_CASE("sandbox: what the broker does for a connection is allowed", "[bypass]") {
  for (const unsigned long request :
       {SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND, SECCOMP_IOCTL_NOTIF_ID_VALID, SECCOMP_IOCTL_NOTIF_ADDFD})
    CHECK(ask(SYS_ioctl, {5, request}) == kAllow);
  for (const long call : {SYS_newfstatat, SYS_setsockopt, SYS_pidfd_getfd, SYS_getsockopt, SYS_process_vm_readv,
                          SYS_process_vm_writev, SYS_getpeername, SYS_fcntl, SYS_connect, SYS_close, SYS_futex})
    CHECK(ask(call) == kAllow);
}

TEST_CASE("sandbox: sockets are TCP's, and of netlink routes' and sockets' tables'", "[bypass]") {
  const struct {
    std::uint64_t domain, type, protocol;
    std::uint32_t answer;
  } cases[] = {
      {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, kAllow},
      {AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0, kAllow},
      {AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0, kAllow},
      {AF_NETLINK, SOCK_RAW, 4 /* NETLINK_SOCK_DIAG */, kAllow},
      {AF_NETLINK, SOCK_RAW, 12 /* NETLINK_NETFILTER */, kRefuse},
      {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, kAllow},
      {AF_INET, SOCK_RAW, 1, kRefuse},
      {AF_UNIX, SOCK_STREAM, 0, kRefuse},  // the host's abstract names
      {AF_PACKET, SOCK_RAW, 0, kRefuse},
      {AF_VSOCK, SOCK_STREAM, 0, kRefuse},
  };
  for (const auto& c : cases) {
    CAPTURE(c.domain, c.type, c.protocol);
    CHECK(ask(SYS_socket, {c.domain, c.type, c.protocol}) == c.answer);
  }
}

TEST_CASE("sandbox: threads yes, processes and namespaces no", "[bypass]") {
  constexpr std::uint64_t kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  CHECK(ask(SYS_clone, {kThread}) == kAllow);
  CHECK(ask(SYS_clone, {kThread | CLONE_NEWUSER}) == kRefuse);
  CHECK(ask(SYS_clone, {17 /* SIGCHLD: fork(2) */}) == kRefuse);
  CHECK(ask(SYS_clone3) == (SECCOMP_RET_ERRNO | ENOSYS));
  CHECK(ask(SYS_setns, {7, CLONE_NEWNET}) == kAllow);
  CHECK(ask(SYS_setns, {7, 0}) == kRefuse);
  CHECK(ask(SYS_setns, {7, CLONE_NEWNS}) == kRefuse);
  CHECK(ask(SYS_unshare, {CLONE_FILES}) == kAllow);
  CHECK(ask(SYS_unshare, {CLONE_NEWUSER}) == kRefuse);
}

TEST_CASE("sandbox: files are read, memory is not run, others are not touched", "[bypass]") {
  constexpr auto kHere = static_cast<std::uint64_t>(AT_FDCWD);
  CHECK(ask(SYS_openat, {kHere, 0, O_RDONLY | O_CLOEXEC}) == kAllow);
  CHECK(ask(SYS_openat, {kHere, 0, O_RDWR}) == kRefuse);
  CHECK(ask(SYS_openat, {kHere, 0, O_RDONLY | O_CREAT}) == kRefuse);
  CHECK(ask(SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE}) == kAllow);
  CHECK(ask(SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC}) == kRefuse);
  CHECK(ask(SYS_mprotect, {0, 4096, PROT_EXEC}) == kRefuse);
  CHECK(ask(SYS_prlimit64, {0, 7, 0, 1}) == kAllow);
  CHECK(ask(SYS_prlimit64, {0, 7, 1, 0}) == kRefuse);
  CHECK(ask(SYS_prlimit64, {0, 7, 0x100000000, 0}) == kRefuse);
  CHECK(ask(SYS_tgkill, {kSelf, kSelf, 6}) == kAllow);
  CHECK(ask(SYS_tgkill, {kSelf + 1, kSelf + 1, 6}) == kRefuse);
  CHECK(ask(SYS_ioctl, {0, TIOCSTI}) == kRefuse);
  CHECK(ask(SYS_ioctl, {5, SIOCSIFFLAGS}) == kRefuse);
}

TEST_CASE("sandbox: an attacker's calls end the broker, and so does another ABI", "[bypass]") {
  for (const long call : {SYS_execve, SYS_execveat, SYS_ptrace, SYS_bpf, SYS_mount, SYS_kill})
    CHECK(ask(call) == kKill);
  CHECK(ask(SYS_read, {}, AUDIT_ARCH_I386) == kKill);
  CHECK(ask(SYS_read | 0x40000000) == kRefuse);  // x32
  for (const long call : {SYS_unlinkat, SYS_renameat2, SYS_io_uring_setup, SYS_keyctl, SYS_userfaultfd})
    CHECK(ask(call) == kRefuse);
}
