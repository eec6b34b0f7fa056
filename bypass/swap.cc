// SPDX-License-Identifier: Apache-2.0
#include "bypass/swap.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "base/handle.h"
#include "bypass/listener.h"

namespace sublet::bypass {
namespace {

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

// By the directory that is open already: the way through /proc is most of what a look costs.
std::string_view link_of(int directory, const char* name, std::array<char, 64>& target) {
  const ssize_t length = ::readlinkat(directory, name, target.data(), target.size());
  return length < 0 ? "" : std::string_view(target.data(), static_cast<std::size_t>(length));
}

std::string fdinfo(pid_t thread, int number) {
  // An epoll set has a line for each descriptor in it.
  std::string text;
  std::array<char, 16384> buffer;
  const UniqueFd file(::open(fmt::format("/proc/{}/fdinfo/{}", thread, number).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return text;
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

bool has_cloexec(pid_t thread, int number) {
  constexpr int kOctal = 8;
  const std::string text = fdinfo(thread, number);
  const std::string_view flags = proc_field(text, "flags");
  return !flags.empty() && (std::strtoul(std::string(flags).c_str(), nullptr, kOctal) & O_CLOEXEC) != 0;
}

ino_t inode_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

}  // namespace

Whereabouts DescriptorScan::find(pid_t thread, int number, ino_t inode) {
  Whereabouts found;
  constexpr std::int64_t kRememberMs = 2000;
  Sets& sets = known_[static_cast<std::size_t>(thread) % known_.size()];
  const bool remembered = sets.process == thread && now_ms() - sets.seen_ms < kRememberMs;
  if (!remembered) {
    sets = {thread, 0, {}};
    int seen = 0;
    const std::string socket = fmt::format("socket:[{}]", inode);
    Handle<DIR, ::closedir> directory(::opendir(fmt::format("/proc/{}/fd", thread).c_str()));
    while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr) {
      if (entry->d_name[0] == '.') continue;
      ++seen;
      std::array<char, 64> target;
      const std::string_view link = link_of(::dirfd(directory.get()), entry->d_name, target);
      const int fd = std::atoi(entry->d_name);  // NOLINT(cert-err34-c): the kernel writes digits
      if (link == "anon_inode:[eventpoll]") sets.epolls.push_back(fd);
      if (link == socket && fd != number) found.copies.push_back({fd, has_cloexec(thread, fd)});
    }
    // A small table is looked through each time.
    if (seen > kScanLimit) sets.seen_ms = now_ms();
  }
  found.copies.push_back({number, has_cloexec(thread, number)});
  for (int epoll : sets.epolls) {
    const std::string text = fdinfo(thread, epoll);
    for (const Whereabouts::Copy& copy : found.copies) {
      auto more = registrations_in(text, epoll, copy.number, inode);
      found.registrations.insert(found.registrations.end(), more.begin(), more.end());
    }
  }
  return found;
}

SwapResult swap_fd(const SwapTarget& target, int old_fd, int new_fd, DescriptorScan& scan, EpollRepair& repair,
                   Pidfds& pidfds) {
  const ino_t inode = inode_of(old_fd);
  const Whereabouts where = scan.find(target.thread, target.number, inode);
  // Other threads of the program go on running: what we looked at may have been replaced since.
  auto is_still = [&](int number) {
    const UniqueFd again = copy_fd(pidfds, target.thread, number);
    return again && inode_of(again.get()) == inode;
  };
  if (!is_still(target.number)) return SwapResult::kChanged;
  for (const Whereabouts::Copy& copy : where.copies) {
    if (copy.number != target.number && !is_still(copy.number)) continue;
    const int error = replace_fd(target.listener, target.id, new_fd, copy.number, copy.cloexec);
    if (error == 0) continue;
    errno = error;
    return error == ENOENT ? SwapResult::kGone : SwapResult::kFailed;
  }
  // Registrations that could not be moved are lost, as they would be without us trying; the socket itself is right.
  (void)repair.move(target.thread, where.registrations, old_fd, new_fd);
  return SwapResult::kDone;
}

}  // namespace sublet::bypass
