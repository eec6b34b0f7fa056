// SPDX-License-Identifier: Apache-2.0
#include "bypass/epoll_repair.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

#include "base/strings.h"
#include "base/unique_fd.h"
#include "bypass/target.h"

namespace sublet::bypass {
namespace {

// Our own descriptors in that table lie above all that a program's socket may have.
constexpr rlim_t kOwn = 16;

int highest_free() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur <= 2 * kOwn) return -1;
  return static_cast<int>(files.rlim_cur - kOwn);
}

// A copy out of the way of a program's numbers.
UniqueFd lift(const UniqueFd& low, int floor) {
  return low ? UniqueFd(::fcntl(low.get(), F_DUPFD_CLOEXEC, floor)) : UniqueFd();
}

UniqueFd fetch(const UniqueFd& process, int number, int floor) {
  const auto low = static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0));
  return lift(UniqueFd(low), floor);
}

bool move_one(int epoll, const Registration& registration, int old_fd, int new_fd) {
  const int number = registration.number;
  // ENOENT: another copy of the same set was dealt with before.
  if (::dup3(old_fd, number, O_CLOEXEC) < 0) return false;
  const bool removed = ::epoll_ctl(epoll, EPOLL_CTL_DEL, number, nullptr) == 0;
  if (!removed && errno != ENOENT) return false;
  if (::dup3(new_fd, number, O_CLOEXEC) < 0) return false;
  epoll_event event{};
  event.events = registration.events & ~static_cast<std::uint32_t>(EPOLLWAKEUP);
  event.data.u64 = registration.data;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, number, &event) == 0 || errno == EEXIST;
}

template <typename T>
std::optional<T> word_after(std::string_view line, std::string_view key, int base) {
  const std::size_t at = line.find(key);
  if (at == line.npos) return std::nullopt;
  line.remove_prefix(at + key.size());
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  T value{};
  auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, base);
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

std::vector<Registration> registrations_in(std::string_view fdinfo, int epoll, int number, ino_t inode) {
  std::vector<Registration> found;
  for (const std::string& line : lines(fdinfo)) {
    constexpr int kHex = 16;
    constexpr int kDecimal = 10;
    if (!line.starts_with("tfd:") || word_after<int>(line, "tfd:", kDecimal) != number) continue;
    auto events = word_after<std::uint32_t>(line, "events:", kHex);
    auto data = word_after<std::uint64_t>(line, "data:", kHex);
    auto of = word_after<ino_t>(line, "ino:", kHex);
    if (!events || !data || (of && *of != inode)) continue;
    found.push_back({epoll, number, *events, *data});
  }
  return found;
}

Result<std::unique_ptr<EpollRepair>> EpollRepair::start() {
  std::unique_ptr<EpollRepair> repair(new EpollRepair);
  repair->thread_ = std::thread([self = repair.get()] { self->work(); });
  return repair;
}

EpollRepair::~EpollRepair() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool EpollRepair::move(pid_t thread, const std::vector<Registration>& registrations, int old_fd, int new_fd) {
  if (registrations.empty()) return true;
  std::lock_guard turn(turn_);
  Job job{thread, &registrations, old_fd, new_fd, false};
  std::unique_lock lock(mutex_);
  job_ = &job;
  changed_.notify_all();
  changed_.wait(lock, [this] { return job_ == nullptr; });
  return job.moved;
}

void EpollRepair::work() {
  const bool own_table = ::unshare(CLONE_FILES) == 0;
  if (own_table) (void)::close_range(0, ~0U, 0);
  const int floor = highest_free();
  const UniqueFd self = lift(UniqueFd(open_pidfd(::getpid())), floor);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || job_ != nullptr; });
    if (stopping_) return;
    Job& job = *job_;
    job.moved = own_table && self;
    if (job.moved) {
      const UniqueFd old_fd = fetch(self, job.old_fd, floor);
      const UniqueFd new_fd = fetch(self, job.new_fd, floor);
      const UniqueFd process = lift(UniqueFd(open_pidfd(job.thread)), floor);
      for (const Registration& each : *job.registrations) {
        const UniqueFd epoll = fetch(process, each.epoll, floor);
        const bool can = old_fd && new_fd && epoll && each.number < floor;
        job.moved &= can && move_one(epoll.get(), each, old_fd.get(), new_fd.get());
        if (can) (void)::close(each.number);
      }
    }
    job_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace sublet::bypass
