// SPDX-License-Identifier: Apache-2.0
#include "netns/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/fs.h"
#include "base/handle.h"
#include "base/sys.h"

// <sys/mount.h> clashes with <linux/mount.h>.
#ifndef MS_NOSUID
#define MS_NOSUID 2
#define MS_NODEV 4
#define MS_NOEXEC 8
#define MS_REC 16384
#define MS_PRIVATE (1 << 18)
#endif

namespace sublet::netns {
namespace {

// Each TCP connection holds 256 KiB of libslirp's buffers, so this bounds the memory too (4 GiB).
constexpr rlim_t kMaxOpenFiles = 16384;

Result<void> new_namespaces() {
  uid_t uid = ::geteuid();
  gid_t gid = ::getegid();
  TRY(sys::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS));
  TRY(fs::write_existing("/proc/self/setgroups", "deny"));  // else gid_map may not be written: user_namespaces(7)
  TRY(fs::write_existing("/proc/self/uid_map", fmt::format("{} {} 1", uid, uid)));
  return fs::write_existing("/proc/self/gid_map", fmt::format("{} {} 1", gid, gid));
}

Result<void> empty_root(const std::string& resolv_conf) {
  // Any directory does as the place of the new root, and /proc is on every system. It is not looked at again.
  const std::string root = "/proc";
  TRY(sys::mount("none", "/", "", MS_REC | MS_PRIVATE));
  TRY(sys::mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=128k,nr_inodes=16"));
  TRY(sys::mkdir(root + "/etc", 0755));
  TRY(fs::write_file(root + "/etc/resolv.conf", resolv_conf, 0444));
  TRY(sys::mount_setattr(root, MOUNT_ATTR_RDONLY, 0, false));
  return sys::pivot_root(root);
}

Result<void> drop_capabilities() {
  // The bounding set first: it takes CAP_SETPCAP.
  for (int capability = 0; ::cap_get_bound(capability) >= 0; ++capability) (void)::cap_drop_bound(capability);
  (void)::cap_reset_ambient();
  Handle<std::remove_pointer_t<cap_t>, cap_free> none(::cap_init());
  if (none == nullptr || ::cap_set_proc(none.get()) != 0) return fail_errno("cap_set_proc");
  return {};
}

Result<void> limit_resources() {
  struct rlimit files {};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return fail_errno("getrlimit");
  files.rlim_cur = files.rlim_max = std::min(files.rlim_max, kMaxOpenFiles);
  const struct rlimit none { 0, 0 };
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0 || ::setrlimit(RLIMIT_CORE, &none) != 0 ||
      ::setrlimit(RLIMIT_NPROC, &none) != 0)
    return fail_errno("setrlimit");
  return {};
}

Result<void> forbid_gain() {
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return fail_errno("PR_SET_DUMPABLE");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("PR_SET_NO_NEW_PRIVS");
  return {};
}

// What libslirp, GLib's allocator and this room's loop call; with which of them the arguments do not matter.
constexpr int kAllowed[] = {SCMP_SYS(read),
                            SCMP_SYS(readv),
                            SCMP_SYS(write),
                            SCMP_SYS(writev),
                            SCMP_SYS(close),
                            SCMP_SYS(lseek),
                            SCMP_SYS(fstat),
                            SCMP_SYS(newfstatat),
                            SCMP_SYS(stat),
                            SCMP_SYS(fstat64),
                            SCMP_SYS(statx),
                            SCMP_SYS(epoll_wait),
                            SCMP_SYS(epoll_pwait),
                            SCMP_SYS(epoll_ctl),
                            SCMP_SYS(poll),
                            SCMP_SYS(ppoll),
                            SCMP_SYS(connect),
                            SCMP_SYS(bind),
                            SCMP_SYS(shutdown),
                            SCMP_SYS(sendto),
                            SCMP_SYS(recvfrom),
                            SCMP_SYS(sendmsg),
                            SCMP_SYS(recvmsg),
                            SCMP_SYS(getsockname),
                            SCMP_SYS(getpeername),
                            SCMP_SYS(getsockopt),
                            SCMP_SYS(setsockopt),
                            SCMP_SYS(clock_gettime),
                            SCMP_SYS(gettimeofday),
                            SCMP_SYS(time),
                            SCMP_SYS(getrandom),
                            SCMP_SYS(munmap),
                            SCMP_SYS(mremap),
                            SCMP_SYS(madvise),
                            SCMP_SYS(brk),
                            SCMP_SYS(futex),
                            SCMP_SYS(getpid),
                            SCMP_SYS(gettid),
                            SCMP_SYS(rt_sigprocmask),
                            SCMP_SYS(rt_sigaction),
                            SCMP_SYS(rt_sigreturn),
                            SCMP_SYS(sigaltstack),
                            SCMP_SYS(restart_syscall),
                            SCMP_SYS(exit),
                            SCMP_SYS(exit_group)};

// Only an attacker calls these.
constexpr int kDeadly[] = {SCMP_SYS(execve),           SCMP_SYS(execveat),          SCMP_SYS(ptrace),
                           SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(bpf)};

struct Rule {
  int syscall;
  std::vector<scmp_arg_cmp> arguments;
};

std::vector<Rule> rules_with_arguments() {
  auto masked = [](unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
    return scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, mask, value};
  };
  auto equal = [](unsigned argument, scmp_datum_t value) { return scmp_arg_cmp{argument, SCMP_CMP_EQ, value, 0}; };
  constexpr scmp_datum_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC;
  std::vector<Rule> rules = {
      {SCMP_SYS(openat), {masked(2, kWriting, O_RDONLY)}},
      {SCMP_SYS(open), {masked(1, kWriting, O_RDONLY)}},
      {SCMP_SYS(mmap), {masked(2, PROT_EXEC, 0)}},
      {SCMP_SYS(mprotect), {masked(2, PROT_EXEC, 0)}},
      {SCMP_SYS(tgkill), {equal(0, static_cast<scmp_datum_t>(::getpid()))}},  // abort(3)
  };
  for (int family : {AF_INET, AF_INET6})
    for (int type : {SOCK_STREAM, SOCK_DGRAM})  // not SOCK_RAW
      rules.push_back({SCMP_SYS(socket),
                       {equal(0, static_cast<scmp_datum_t>(family)), masked(1, 0xf, static_cast<scmp_datum_t>(type))}});
  for (unsigned command : {static_cast<unsigned>(FIONREAD), static_cast<unsigned>(FIONBIO), unsigned{SIOCGIFINDEX}})
    rules.push_back({SCMP_SYS(ioctl), {masked(1, 0xffffffff, command)}});
  for (int command : {F_GETFL, F_SETFL, F_GETFD, F_SETFD})
    rules.push_back({SCMP_SYS(fcntl), {equal(1, static_cast<scmp_datum_t>(command))}});
  return rules;
}

Result<void> filter_syscalls() {
  Handle<void, seccomp_release> filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) return fail("seccomp_init");
  // A binary tree instead of a list; libseccomp before 2.5 cannot, and is only slower.
  (void)::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  int status = 0;
  auto add = [&](std::uint32_t action, int syscall, const std::vector<scmp_arg_cmp>& arguments) {
    // Negative: this architecture has no such call.
    if (syscall < 0 || status != 0) return;
    status = ::seccomp_rule_add_array(filter.get(), action, syscall, static_cast<unsigned>(arguments.size()),
                                      arguments.data());
  };
  for (int syscall : kAllowed) add(SCMP_ACT_ALLOW, syscall, {});
  for (int syscall : kDeadly) add(SCMP_ACT_KILL_PROCESS, syscall, {});
  for (const Rule& rule : rules_with_arguments()) add(SCMP_ACT_ALLOW, rule.syscall, rule.arguments);
  if (status == 0) status = ::seccomp_load(filter.get());
  if (status != 0) return fail_errno("loading the seccomp filter", -status);
  return {};
}

}  // namespace

std::vector<std::string> enter_sandbox(const std::string& resolv_conf) {
  std::vector<std::string> missing;
  auto note = [&](const char* layer, const Result<void>& result) {
    if (!result) missing.push_back(fmt::format("{}: {}", layer, result.error().what));
    return result.has_value();
  };
  if (note("namespaces", new_namespaces())) note("empty root", empty_root(resolv_conf));
  note("no capabilities", drop_capabilities());
  note("resource limits", limit_resources());
  note("no new privileges", forbid_gain());
  note("system call filter", filter_syscalls());
  return missing;
}

}  // namespace sublet::netns
