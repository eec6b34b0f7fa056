// SPDX-License-Identifier: Apache-2.0
#include "bypass/swap.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>

#include "bypass/listener.h"

namespace sublet::bypass {
namespace {

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

struct Name {
  explicit Name(int number) { *std::to_chars(text.data(), text.data() + text.size() - 1, number).ptr = '\0'; }
  std::array<char, 12> text{};
};

// By directories that are open already: the way through /proc is most of what a look costs.
std::string_view link_of(int links, int number, std::array<char, 64>& target) {
  const ssize_t length = ::readlinkat(links, Name(number).text.data(), target.data(), target.size());
  return length < 0 ? "" : std::string_view(target.data(), static_cast<std::size_t>(length));
}

std::string fdinfo(int details, int number) {
  // An epoll set has a line for each descriptor in it.
  std::string text;
  std::array<char, 16384> buffer;
  const UniqueFd file(::openat(details, Name(number).text.data(), O_RDONLY | O_CLOEXEC));
  if (!file) return text;
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

bool has_cloexec(std::string_view details) {
  constexpr int kOctal = 8;
  const std::string_view flags = proc_field(details, "flags");
  return !flags.empty() && (std::strtoul(std::string(flags).c_str(), nullptr, kOctal) & O_CLOEXEC) != 0;
}

// How many descriptors are open; 0: nobody can say (before Linux 6.2), or the thread has ended.
std::size_t count_open(int links) {
  struct stat status {};
  return ::fstat(links, &status) == 0 ? static_cast<std::size_t>(status.st_size) : 0;
}

// To list a directory costs as much as three looks at what is in it.
void list(int links, std::vector<int>& numbers) {
  numbers.clear();
  (void)::lseek(links, 0, SEEK_SET);
  alignas(dirent64) std::array<char, 8192> buffer;
  for (;;) {
    const long count = ::syscall(SYS_getdents64, links, buffer.data(), buffer.size());
    if (count <= 0) return;
    for (long at = 0; at < count;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      const std::string_view name(entry->d_name);
      int number = 0;
      if (std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc()) numbers.push_back(number);
    }
  }
}

ino_t inode_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

}  // namespace

DescriptorScan::Table DescriptorScan::open(pid_t thread) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  Table table;
  table.thread = thread;
  table.links = UniqueFd(::open(fmt::format("/proc/{}/fd", thread).c_str(), kFlags));
  table.details = UniqueFd(::open(fmt::format("/proc/{}/fdinfo", thread).c_str(), kFlags));
  return table;
}

// Looks at each of the numbers that we know. False: one of them is no descriptor any more.
bool DescriptorScan::look(Table& table, int number, ino_t inode, Whereabouts& found) {
  const std::string socket = fmt::format("socket:[{}]", inode);
  table.epolls.clear();
  found.copies.clear();
  bool all = true;
  for (const int each : table.numbers) {
    if (each == number) continue;
    std::array<char, 64> target;
    const std::string_view link = link_of(table.links.get(), each, target);
    if (link.empty()) all = false;
    if (link == "anon_inode:[eventpoll]") table.epolls.push_back(each);
    if (link == socket) found.copies.push_back({each, has_cloexec(fdinfo(table.details.get(), each))});
  }
  return all;
}

Whereabouts DescriptorScan::find(pid_t thread, int number, ino_t inode) {
  Whereabouts found;
  constexpr std::int64_t kRememberMs = 2000;
  Table& table = known_[static_cast<std::size_t>(thread) % known_.size()];
  std::string own = table.thread == thread ? fdinfo(table.details.get(), number) : "";
  if (own.empty()) {
    table = open(thread);
    own = fdinfo(table.details.get(), number);
  }
  if (table.seen_ms == 0 || now_ms() - table.seen_ms >= kRememberMs) {
    // As many as before, and each of those is there: these are all.
    const bool same = count_open(table.links.get()) == table.numbers.size() &&
                      std::find(table.numbers.begin(), table.numbers.end(), number) != table.numbers.end() &&
                      look(table, number, inode, found);
    if (!same) {
      list(table.links.get(), table.numbers);
      (void)look(table, number, inode, found);
    }
    // A small table is looked through each time.
    table.seen_ms = table.numbers.size() > kScanLimit ? now_ms() : 0;
  }
  found.copies.push_back({number, has_cloexec(own)});
  for (int epoll : table.epolls) {
    const std::string text = fdinfo(table.details.get(), epoll);
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
