// SPDX-License-Identifier: Apache-2.0
#include "bypass/listener.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Younger than Debian 12's kernel headers (6.1).
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace sublet::bypass {
namespace {

int install_with(const std::vector<sock_filter>& filter, unsigned long flags) {
  sock_fprog program{static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
  return static_cast<int>(
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

int status_of(int result) { return result < 0 ? errno : 0; }

}  // namespace

Result<Installed> install(const std::vector<sock_filter>& filter, Speculation speculation) {
  Installed installed;
  const unsigned long flags = speculation == Speculation::kUntouched ? SECCOMP_FILTER_FLAG_SPEC_ALLOW : 0;
  int fd = install_with(filter, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  installed.killable = fd >= 0;
  if (fd < 0 && errno == EINVAL) fd = install_with(filter, flags);
  if (fd < 0 && errno == EBUSY)
    return fail_errno("the calls of this process are watched already, by `sublet exec` or a container's runtime",
                      EBUSY);
  if (fd < 0) return fail_errno("installing the bypass's seccomp filter");
  installed.listener = UniqueFd(fd);  // born with CLOEXEC
  return installed;
}

void prefer_sync_wake_up(int listener) {
  (void)::ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

bool await(int listener) {
  pollfd poll{listener, POLLIN, 0};
  while (::poll(&poll, 1, -1) < 0)
    if (errno != EINTR) return false;
  return (poll.revents & POLLIN) != 0;
}

int receive(int listener, seccomp_notif& notification) {
  return status_of(::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification));
}

bool still_valid(int listener, std::uint64_t id) { return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0; }

int answer(int listener, std::uint64_t id, std::int64_t value, int error) {
  seccomp_notif_resp response{id, value, -error, 0};
  return status_of(::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response));
}

int go_on(int listener, std::uint64_t id) {
  seccomp_notif_resp response{id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE};
  return status_of(::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response));
}

int add_fd(int listener, std::uint64_t id, int fd, bool cloexec) {
  seccomp_notif_addfd add{id, 0, static_cast<std::uint32_t>(fd), 0,
                          cloexec ? static_cast<std::uint32_t>(O_CLOEXEC) : 0U};
  const int number = ::ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
  return number < 0 ? -errno : number;
}

int replace_fd(int listener, std::uint64_t id, int fd, int number, bool cloexec) {
  seccomp_notif_addfd add{id, SECCOMP_ADDFD_FLAG_SETFD, static_cast<std::uint32_t>(fd),
                          static_cast<std::uint32_t>(number), cloexec ? static_cast<std::uint32_t>(O_CLOEXEC) : 0U};
  return status_of(::ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
}

bool is_over(int listener) {
  pollfd poll{listener, POLLIN, 0};
  return ::poll(&poll, 1, 0) == 1 && (poll.revents & POLLIN) == 0;
}

}  // namespace sublet::bypass
