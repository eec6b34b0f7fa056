// SPDX-License-Identifier: Apache-2.0
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
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "base/bpf.h"

// Younger than Debian 12's kernel headers (6.1).
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

namespace sublet::bypass {
namespace {

using bpf::Assembler;
using bpf::low_half;
using Label = Assembler::Label;

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif

// Whatever their arguments are. The kernel remembers that these need no look (seccomp's bitmap, Linux 5.11).
constexpr int kAllowed[] = {
    // descriptors and waiting
    SYS_read,
    SYS_write,
    SYS_close,
    SYS_close_range,
    SYS_dup3,
    SYS_fcntl,
    SYS_ppoll,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_eventfd2,
    SYS_lseek,
    SYS_pipe2,
    SYS_splice,
#ifdef SYS_poll  // aarch64 has the younger forms alone
    SYS_poll,
    SYS_epoll_wait,
    SYS_dup2,
    SYS_stat,
    SYS_lstat,
    SYS_readlink,
    SYS_time,
#endif
    // sockets, of which socket(2) below makes certain kinds
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_shutdown,
    SYS_accept4,
    SYS_getsockname,
    SYS_getpeername,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_shutdown,
    SYS_sendto,
    SYS_recvfrom,
    SYS_sendmsg,
    SYS_recvmsg,
    // looking into pods
    SYS_process_vm_readv,
    SYS_process_vm_writev,  // where accept(2) is told to put the client's address
    SYS_pidfd_open,
    SYS_pidfd_getfd,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_readlinkat,
    SYS_getdents64,
    // the C library, its threads and its memory
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_futex,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_getrandom,
    SYS_getpid,
    SYS_getppid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_uname,
    SYS_clock_gettime,
    SYS_gettimeofday,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
};

// Only an attacker calls these.
constexpr int kDeadly[] = {SYS_execve, SYS_execveat, SYS_ptrace, SYS_bpf,
                           SYS_mount,  SYS_kill,     SYS_tkill,  SYS_pidfd_send_signal};

constexpr std::uint32_t kIoctls[] = {
    static_cast<std::uint32_t>(SECCOMP_IOCTL_NOTIF_RECV),
    static_cast<std::uint32_t>(SECCOMP_IOCTL_NOTIF_SEND),
    static_cast<std::uint32_t>(SECCOMP_IOCTL_NOTIF_ID_VALID),
    static_cast<std::uint32_t>(SECCOMP_IOCTL_NOTIF_ADDFD),
    static_cast<std::uint32_t>(SECCOMP_IOCTL_NOTIF_SET_FLAGS),
    SIOCGIFINDEX,
    SIOCGIFNAME,
};

constexpr std::size_t high_half(unsigned argument) { return low_half(argument) + 4; }

struct Answers {
  Label allow;
  Label refuse;
  Label kill;
  Label no_such_call;
};

void on_socket(Assembler& a, const Answers& to) {
  constexpr std::uint32_t kTypeMask = 0xf;  // SOCK_TYPE_MASK of include/linux/net.h
  const Label inet = a.label();
  const Label netlink = a.label();
  a.load(low_half(0));
  a.if_equal(AF_INET, inet);
  a.if_equal(AF_INET6, inet);
  a.if_equal(AF_NETLINK, netlink);
  a.jump(to.refuse);
  a.place(inet);  // no raw packets
  a.load(low_half(1));
  a.mask(kTypeMask);
  a.if_equal(SOCK_STREAM, to.allow);
  a.if_equal(SOCK_DGRAM, to.allow);
  a.jump(to.refuse);
  a.place(netlink);
  a.load(low_half(2));
  a.if_equal(0 /* NETLINK_ROUTE */, to.allow);
  a.if_equal(4 /* NETLINK_SOCK_DIAG */, to.allow);
  a.jump(to.refuse);
}

void only(Assembler& a, unsigned argument, std::uint32_t value, const Answers& to) {
  a.load(low_half(argument));
  a.if_equal(value, to.allow);
  a.jump(to.refuse);
}

void none_of(Assembler& a, unsigned argument, std::uint32_t bits, const Answers& to) {
  a.load(low_half(argument));
  a.if_any(bits, to.refuse);
  a.jump(to.allow);
}

void on_clone(Assembler& a, const Answers& to) {
  constexpr std::uint32_t kNamespaces =
      CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  a.load(low_half(0));
  a.if_any(kNamespaces, to.refuse);
  a.if_any(CLONE_THREAD, to.allow);  // threads, but no processes
  a.jump(to.refuse);
}

void on_prlimit(Assembler& a, const Answers& to) {
  a.load(high_half(2));
  const Label low = a.label();
  a.if_equal(0, low);
  a.jump(to.refuse);
  a.place(low);
  only(a, 2, 0, to);  // looks, and sets nothing
}

// Calls whose arguments matter. The most frequent one first.
struct Block {
  int number;
  void (*write)(Assembler&, const Answers&, std::uint32_t self);
};
constexpr Block kBlocks[] = {
    {SYS_ioctl,
     [](Assembler& a, const Answers& to, std::uint32_t) {
       a.load(low_half(1));
       for (const std::uint32_t each : kIoctls) a.if_equal(each, to.allow);
       a.jump(to.refuse);
     }},
    {SYS_socket, [](Assembler& a, const Answers& to, std::uint32_t) { on_socket(a, to); }},
    {SYS_openat,
     [](Assembler& a, const Answers& to, std::uint32_t) { none_of(a, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, to); }},
    {SYS_setns, [](Assembler& a, const Answers& to, std::uint32_t) { only(a, 1, CLONE_NEWNET, to); }},
    {SYS_unshare, [](Assembler& a, const Answers& to, std::uint32_t) { only(a, 0, CLONE_FILES, to); }},
    {SYS_clone, [](Assembler& a, const Answers& to, std::uint32_t) { on_clone(a, to); }},
    // Its flags stand in memory. The C library then takes clone.
    {SYS_clone3, [](Assembler& a, const Answers& to, std::uint32_t) { a.jump(to.no_such_call); }},
    {SYS_mmap, [](Assembler& a, const Answers& to, std::uint32_t) { none_of(a, 2, PROT_EXEC, to); }},
    {SYS_mprotect, [](Assembler& a, const Answers& to, std::uint32_t) { none_of(a, 2, PROT_EXEC, to); }},
    {SYS_prlimit64, [](Assembler& a, const Answers& to, std::uint32_t) { on_prlimit(a, to); }},
    {SYS_tgkill, [](Assembler& a, const Answers& to, std::uint32_t self) { only(a, 0, self, to); }},
};

}  // namespace

std::vector<sock_filter> sandbox_filter(pid_t self) {
  if (kArchitecture == 0) return {};
  Assembler a;
  const Answers to{a.label(), a.label(), a.label(), a.label()};
  const Label native = a.label();
  a.load(offsetof(seccomp_data, arch));
  a.if_equal(kArchitecture, native);
  a.jump(to.kill);
  a.place(native);
  a.load(offsetof(seccomp_data, nr));
  std::vector<Label> blocks;
  for (const Block& block : kBlocks) {
    blocks.push_back(a.label());
    a.if_equal(static_cast<std::uint32_t>(block.number), blocks.back());
  }
  for (const int number : kAllowed) a.if_equal(static_cast<std::uint32_t>(number), to.allow);
  for (const int number : kDeadly) a.if_equal(static_cast<std::uint32_t>(number), to.kill);
  a.jump(to.refuse);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    a.place(blocks[i]);
    kBlocks[i].write(a, to, static_cast<std::uint32_t>(self));
  }
  a.place(to.refuse);
  a.answer(SECCOMP_RET_ERRNO | EPERM);
  a.place(to.kill);
  a.answer(SECCOMP_RET_KILL_PROCESS);
  a.place(to.no_such_call);
  a.answer(SECCOMP_RET_ERRNO | ENOSYS);
  a.place(to.allow);
  a.answer(SECCOMP_RET_ALLOW);
  return a.assemble();
}

Result<void> enter_sandbox() {
  std::vector<sock_filter> filter = sandbox_filter(::getpid());
  if (filter.empty()) return fail("there is no list of system calls for this architecture");
  sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  const long status = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  if (status < 0) return fail_errno("the broker's system call filter");
  if (status > 0) return fail("the broker's system call filter: a thread has another one");
  return {};
}

}  // namespace sublet::bypass
