// SPDX-License-Identifier: Apache-2.0
// The blocked thread of a notification, looked at from outside: its memory, descriptors, network namespace. All by
// thread id, so each answer counts only if the notification is still valid afterwards. Nothing here allocates.
//
// Rights: root of the user namespace that the thread is in (or of one above), which ptrace(2)'s access check asks for.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/unique_fd.h"

namespace sublet::bypass {

/// A pidfd of the thread, or before Linux 6.9 of its process (pidfd_open(2)); -1: errno.
[[nodiscard]] int open_pidfd(pid_t thread);

/// pidfds of the threads that called lately. A stale one refers to a dead task for ever, so it can't mislead; it is
/// replaced when it fails. One per listener thread; not shared.
class Pidfds {
 public:
  /// Borrowed until the next call; -1: errno tells.
  [[nodiscard]] int get(pid_t thread);
  void forget(pid_t thread);

 private:
  struct Entry {
    pid_t thread = 0;
    UniqueFd pidfd;
  };
  std::array<Entry, 16> entries_;
};

/// A copy of descriptor `number` of the thread (pidfd_getfd(2)); -1: errno, EBADF if it has none.
[[nodiscard]] UniqueFd copy_fd(Pidfds& pidfds, pid_t thread, int number);

/// Copies `size` bytes from the thread's memory. 0 or an errno; all or nothing.
[[nodiscard]] int read_memory(pid_t thread, std::uint64_t address, void* to, std::size_t size);

/// Writes there. 0 or an errno; EFAULT: a part may have been written. To be called right after still_valid().
[[nodiscard]] int write_memory(pid_t thread, std::uint64_t address, const void* from, std::size_t size);

/// Identity of the thread's network namespace: the inode of /proc/TID/ns/net; 0 if it cannot be seen.
[[nodiscard]] ino_t network_namespace(pid_t thread);

/// Reads /proc/TID/`name` into `buffer`; what was read.
[[nodiscard]] std::string_view read_proc(pid_t thread, const char* name, char* buffer, std::size_t size);

/// The value of a line "key:\tvalue" in such a text; empty if there is none.
[[nodiscard]] std::string_view proc_field(std::string_view text, std::string_view key);

}  // namespace sublet::bypass
