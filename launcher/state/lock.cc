// SPDX-License-Identifier: Apache-2.0
#include "launcher/state/lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/strings.h"
#include "base/sys.h"

namespace sublet::launcher {
namespace {

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<bool> try_lock(int fd) {
  struct flock lock = whole_file();
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return fail_errno("locking");
}

Result<bool> is_locked(int fd) {
  struct flock lock = whole_file();
  if (::fcntl(fd, F_OFD_GETLK, &lock) != 0) return fail_errno("looking at the lock");
  return lock.l_type != F_UNLCK;
}

Result<void> write_holder(int fd) {
  if (::ftruncate(fd, 0) != 0 || ::lseek(fd, 0, SEEK_SET) < 0) return fail_errno("emptying the lock file");
  return sys::write_all(fd, std::to_string(::getpid()) + "\n");
}

std::optional<pid_t> read_holder(int fd) {
  std::array<char, 32> text{};
  const ssize_t count = ::pread(fd, text.data(), text.size(), 0);
  if (count <= 0) return std::nullopt;
  return parse_int<pid_t>(trim(std::string_view(text.data(), static_cast<std::size_t>(count))));
}

}  // namespace sublet::launcher
