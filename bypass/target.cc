// SPDX-License-Identifier: Apache-2.0
#include "bypass/target.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/strings.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL  // Linux 6.9
#endif

namespace sublet::bypass {

// Before Linux 6.9 only a process has a pidfd, and all its threads (but those that unshared their descriptors, which no
// usual program does) have its descriptors.
int open_pidfd(pid_t thread) {
  int fd = static_cast<int>(::syscall(SYS_pidfd_open, thread, PIDFD_THREAD));
  if (fd >= 0 || errno != EINVAL) return fd;
  fd = static_cast<int>(::syscall(SYS_pidfd_open, thread, 0));
  if (fd >= 0 || errno != EINVAL) return fd;
  std::array<char, 512> buffer;
  const std::string_view status = read_proc(thread, "status", buffer.data(), buffer.size());
  pid_t process = 0;
  for (char digit : proc_field(status, "Tgid")) process = process * 10 + (digit - '0');
  if (process == 0) {
    errno = ESRCH;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
}

int Pidfds::get(pid_t thread) {
  Entry& entry = entries_[static_cast<std::size_t>(thread) % entries_.size()];
  if (entry.thread == thread && entry.pidfd) return entry.pidfd.get();
  entry.pidfd.reset(open_pidfd(thread));
  entry.thread = thread;
  return entry.pidfd.get();
}

void Pidfds::forget(pid_t thread) { entries_[static_cast<std::size_t>(thread) % entries_.size()] = {}; }

UniqueFd copy_fd(Pidfds& pidfds, pid_t thread, int number) {
  for (int attempt = 0;; ++attempt) {
    const int pidfd = pidfds.get(thread);
    if (pidfd < 0) return UniqueFd();
    const int fd = static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, number, 0));
    if (fd >= 0 || errno != ESRCH || attempt > 0) return UniqueFd(fd);
    pidfds.forget(thread);  // of an earlier thread of that number
  }
}

int read_memory(pid_t thread, std::uint64_t address, void* to, std::size_t size) {
  if (size == 0) return 0;
  const iovec local{to, size};
  const iovec remote{reinterpret_cast<void*>(address), size};  // NOLINT(performance-no-int-to-ptr): theirs, not ours
  const ssize_t count = ::process_vm_readv(thread, &local, 1, &remote, 1, 0);
  if (count < 0) return errno;
  return static_cast<std::size_t>(count) == size ? 0 : EFAULT;
}

int write_memory(pid_t thread, std::uint64_t address, const void* from, std::size_t size) {
  if (size == 0) return 0;
  const iovec local{const_cast<void*>(from), size};
  const iovec remote{reinterpret_cast<void*>(address), size};  // NOLINT(performance-no-int-to-ptr): theirs, not ours
  const ssize_t count = ::process_vm_writev(thread, &local, 1, &remote, 1, 0);
  if (count < 0) return errno;
  return static_cast<std::size_t>(count) == size ? 0 : EFAULT;
}

ino_t network_namespace(pid_t thread) {
  std::array<char, 32> path;
  (void)std::snprintf(path.data(), path.size(), "/proc/%d/ns/net", thread);
  // Its text is "net:[INODE]" (namespaces(7)); to follow it for the number takes the kernel twice as long.
  std::array<char, 32> text;
  const ssize_t length = ::readlink(path.data(), text.data(), text.size());
  constexpr std::string_view kBefore = "net:[";
  const std::string_view seen(text.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
  if (!seen.starts_with(kBefore) || !seen.ends_with(']')) return 0;
  return parse_int<ino_t>(seen.substr(kBefore.size(), seen.size() - kBefore.size() - 1)).value_or(0);
}

std::string_view read_proc(pid_t thread, const char* name, char* buffer, std::size_t size) {
  std::array<char, 64> path;
  (void)std::snprintf(path.data(), path.size(), "/proc/%d/%s", thread, name);
  const UniqueFd file(::open(path.data(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t count = ::read(file.get(), buffer + filled, size - filled);
    if (count <= 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return {buffer, filled};
}

std::string_view proc_field(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ':') continue;
    line.remove_prefix(key.size() + 1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    return line;
  }
  return {};
}

}  // namespace sublet::bypass
