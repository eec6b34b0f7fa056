// SPDX-License-Identifier: Apache-2.0
// The system calls that sublet makes, each wrapped once: CLOEXEC always, EINTR retried, errors as values that name the
// call's object. Names are the calls' own; semantics are the man pages'.
#pragma once

#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::sys {

[[nodiscard]] Result<UniqueFd> open(const std::string& path, int flags, mode_t mode = 0);
[[nodiscard]] Result<UniqueFd> openat(int dirfd, const std::string& path, int flags, mode_t mode = 0);
/// At most `buffer.size()` bytes; 0 is the end of the file.
[[nodiscard]] Result<std::size_t> read(int fd, std::span<std::byte> buffer);
/// All of `data`, however many write(2)s that takes.
Result<void> write_all(int fd, std::string_view data);
[[nodiscard]] Result<UniqueFd> dup(int fd);

Result<void> mkdir(const std::string& path, mode_t mode);
Result<void> unlink(const std::string& path);
Result<void> rmdir(const std::string& path);
Result<void> rename(const std::string& from, const std::string& to);
Result<void> symlink(const std::string& target, const std::string& path);
Result<void> chmod(const std::string& path, mode_t mode);
[[nodiscard]] Result<struct stat> stat(const std::string& path);
[[nodiscard]] Result<struct stat> lstat(const std::string& path);

Result<void> mount(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
                   const std::string& data = {});
Result<void> umount(const std::string& target, int flags);
/// Sets the attributes (MOUNT_ATTR_*) of a mount and, if `recursive`, of all below it. mount_setattr(2), Linux 5.12.
Result<void> mount_setattr(const std::string& target, std::uint64_t set, std::uint64_t clear, bool recursive);
/// Makes `new_root` the root and leaves nothing of the old one mounted: pivot_root(".", "."), see its man page.
Result<void> pivot_root(const std::string& new_root);
Result<void> unshare(int flags);
Result<void> sethostname(const std::string& name);

/// Both ends CLOEXEC.
[[nodiscard]] Result<std::pair<UniqueFd, UniqueFd>> socketpair(int type);
[[nodiscard]] Result<std::pair<UniqueFd, UniqueFd>> pipe();
[[nodiscard]] Result<UniqueFd> socket(int family, int type, int protocol = 0);

[[nodiscard]] Result<UniqueFd> pidfd_open(pid_t pid);
/// ESRCH (already gone) is not an error: the caller wanted it gone.
Result<void> pidfd_send_signal(int pidfd, int signal);
Result<void> kill(pid_t pid, int signal);

/// A file in memory that nobody, we included, can change any more (memfd_create(2), F_ADD_SEALS).
[[nodiscard]] Result<UniqueFd> sealed_memfd(const std::string& name, std::string_view contents);

/// Adds or clears O_NONBLOCK.
Result<void> set_nonblocking(int fd, bool on);
/// Clears FD_CLOEXEC: for the child, between clone and exec.
Result<void> set_inheritable(int fd);

}  // namespace sublet::sys
