// SPDX-License-Identifier: Apache-2.0
#include "base/sys.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>

// glibc 2.36 declares mount(2) and friends in <sys/mount.h>, which clashes with <linux/mount.h>.
extern "C" {
int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;
int umount2(const char*, int) noexcept;
}

namespace sublet::sys {
namespace {

template <typename Call>
auto retry(Call call) {
  for (;;) {
    auto value = call();
    if (value != -1 || errno != EINTR) return value;
  }
}

Result<void> done(int status, const std::string& what) {
  if (status != 0) return fail_errno(what);
  return {};
}

Result<UniqueFd> owned(int fd, const std::string& what) {
  if (fd < 0) return fail_errno(what);
  return UniqueFd(fd);
}

}  // namespace

Result<UniqueFd> open(const std::string& path, int flags, mode_t mode) { return openat(AT_FDCWD, path, flags, mode); }

Result<UniqueFd> openat(int dirfd, const std::string& path, int flags, mode_t mode) {
  return owned(retry([&] { return ::openat(dirfd, path.c_str(), flags | O_CLOEXEC, mode); }), "open " + path);
}

Result<std::size_t> read(int fd, std::span<std::byte> buffer) {
  ssize_t count = retry([&] { return ::read(fd, buffer.data(), buffer.size()); });
  if (count < 0) return fail_errno("read");
  return static_cast<std::size_t>(count);
}

Result<void> write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    ssize_t count = retry([&] { return ::write(fd, data.data(), data.size()); });
    if (count < 0) return fail_errno("write");
    data.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<UniqueFd> dup(int fd) { return owned(::fcntl(fd, F_DUPFD_CLOEXEC, 3), "dup"); }

Result<void> mkdir(const std::string& path, mode_t mode) { return done(::mkdir(path.c_str(), mode), "mkdir " + path); }
Result<void> unlink(const std::string& path) { return done(::unlink(path.c_str()), "unlink " + path); }
Result<void> rmdir(const std::string& path) { return done(::rmdir(path.c_str()), "rmdir " + path); }
Result<void> rename(const std::string& from, const std::string& to) {
  return done(::rename(from.c_str(), to.c_str()), "rename " + from + " to " + to);
}
Result<void> symlink(const std::string& target, const std::string& path) {
  return done(::symlink(target.c_str(), path.c_str()), "symlink " + path);
}
Result<void> chmod(const std::string& path, mode_t mode) { return done(::chmod(path.c_str(), mode), "chmod " + path); }

Result<struct stat> stat(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return fail_errno("stat " + path);
  return st;
}

Result<struct stat> lstat(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) return fail_errno("stat " + path);
  return st;
}

Result<void> mount(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
                   const std::string& data) {
  return done(::mount(source.c_str(), target.c_str(), type.empty() ? nullptr : type.c_str(), flags,
                      data.empty() ? nullptr : data.c_str()),
              "mount " + (type.empty() ? source : type) + " on " + target);
}

Result<void> umount(const std::string& target, int flags) {
  return done(::umount2(target.c_str(), flags), "unmount " + target);
}

Result<void> mount_setattr(const std::string& target, std::uint64_t set, std::uint64_t clear, bool recursive) {
  struct mount_attr attributes {};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  return done(static_cast<int>(::syscall(SYS_mount_setattr, AT_FDCWD, target.c_str(), recursive ? AT_RECURSIVE : 0,
                                         &attributes, sizeof attributes)),
              "mount_setattr " + target);
}

Result<void> pivot_root(const std::string& new_root) {
  if (::chdir(new_root.c_str()) != 0) return fail_errno("chdir " + new_root);
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return fail_errno("pivot_root " + new_root);
  constexpr int kDetach = 2;  // MNT_DETACH
  return done(::umount2(".", kDetach), "unmount the old root");
}

Result<void> unshare(int flags) { return done(::unshare(flags), "unshare"); }
Result<void> sethostname(const std::string& name) {
  return done(::sethostname(name.c_str(), name.size()), "sethostname " + name);
}

Result<std::pair<UniqueFd, UniqueFd>> socketpair(int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) return fail_errno("socketpair");
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<std::pair<UniqueFd, UniqueFd>> pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe");
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<UniqueFd> socket(int family, int type, int protocol) {
  return owned(::socket(family, type | SOCK_CLOEXEC, protocol), "socket");
}

Result<UniqueFd> pidfd_open(pid_t pid) {
  return owned(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), "pidfd_open " + std::to_string(pid));
}

Result<void> pidfd_send_signal(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) != 0 && errno != ESRCH)
    return fail_errno("pidfd_send_signal");
  return {};
}

Result<void> kill(pid_t pid, int signal) { return done(::kill(pid, signal), "kill " + std::to_string(pid)); }

Result<UniqueFd> sealed_memfd(const std::string& name, std::string_view contents) {
  UniqueFd fd = TRY(owned(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create " + name));
  TRY_WHILE("filling " + name, write_all(fd.get(), contents));
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return fail_errno("rewinding " + name);
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    return fail_errno("sealing " + name);
  return fd;
}

Result<void> set_nonblocking(int fd, bool on) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return fail_errno("F_GETFL");
  return done(::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), "F_SETFL");
}

Result<void> set_inheritable(int fd) { return done(::fcntl(fd, F_SETFD, 0), "F_SETFD"); }

}  // namespace sublet::sys
