// SPDX-License-Identifier: Apache-2.0
#include "bypass/pending.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "bypass/listener.h"
#include "bypass/target.h"

namespace sublet::bypass {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kNobody = -1;  // nobody waits for an answer any more

std::uint64_t mask_of(std::string_view status, std::string_view key) {
  const std::string_view text = proc_field(status, key);
  std::uint64_t mask = 0;
  constexpr int kHex = 16;
  (void)std::from_chars(text.data(), text.data() + text.size(), mask, kHex);
  return mask;
}

}  // namespace

Signalled signalled(pid_t thread) {
  std::array<char, 4096> buffer;
  return bypass::signalled(read_proc(thread, "status", buffer.data(), buffer.size()));
}

Clock::time_point deadline_of(int socket, int option) {
  timeval timeout{};
  socklen_t size = sizeof timeout;
  if (::getsockopt(socket, SOL_SOCKET, option, &timeout, &size) != 0 || (timeout.tv_sec == 0 && timeout.tv_usec == 0))
    return Clock::time_point::max();
  return Clock::now() + std::chrono::seconds(timeout.tv_sec) + std::chrono::microseconds(timeout.tv_usec);
}

int connect_now(int fd, const RawAddress& to, bool& waits, Slot* slot) {
  const int flags = ::fcntl(fd, F_GETFL);
  waits = flags >= 0 && (flags & O_NONBLOCK) == 0;
  if (waits) {
    if (slot != nullptr) slot->made_nonblocking.store(1);
    (void)::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  }
  int error = ::connect(fd, to.get(), to.length) == 0 ? 0 : errno;
  // Where the peer is near, its answer was here before the call returned; only the second one says so.
  if (waits && error == EINPROGRESS) {
    if (::connect(fd, to.get(), to.length) == 0)
      error = 0;
    else if (errno != EALREADY)
      error = errno;
  }
  if (waits) {
    (void)::fcntl(fd, F_SETFL, flags);
    if (slot != nullptr) slot->made_nonblocking.store(0);
  }
  return error;
}

void mend_mode(int fd, Slot& slot) {
  if (slot.made_nonblocking.load() == 0) return;
  if (const int flags = ::fcntl(fd, F_GETFL); flags >= 0) (void)::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  slot.made_nonblocking.store(0);
}

Signalled signalled(std::string_view status) {
  const std::uint64_t open = ~mask_of(status, "SigBlk") & ~mask_of(status, "SigIgn");
  if ((mask_of(status, "SigPnd") & open) != 0) return Signalled::kYes;
  if ((mask_of(status, "ShdPnd") & open) == 0) return Signalled::kNone;
  if (proc_field(status, "Threads") == "1") return Signalled::kYes;
  return proc_field(status, "Tgid") == proc_field(status, "Pid") ? Signalled::kMaybe : Signalled::kNone;
}

Result<std::unique_ptr<Pending>> Pending::start(Slots& slots) {
  std::unique_ptr<Pending> pending(new Pending(slots));
  pending->epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  pending->wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!pending->epoll_ || !pending->wake_) return fail_errno("waiting for connections");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (::epoll_ctl(pending->epoll_.get(), EPOLL_CTL_ADD, pending->wake_.get(), &event) != 0)
    return fail_errno("waiting for connections");
  pending->thread_ = std::thread([self = pending.get()] { self->work(); });
  return pending;
}

Pending::~Pending() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

void Pending::add(PendingConnect connect) {
  {
    std::lock_guard lock(mutex_);
    added_.push_back(std::move(connect));
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

std::optional<int> Pending::look(Entry& entry, bool ready, bool patrol) {
  const PendingConnect& connect = entry.connect;
  const seccomp_notif& call = connect.slot->notification;
  if (ready) {
    // Once more connect: gives the result and takes the socket through the states that a waiting connect would have.
    bool waits = false;
    const int error = connect_now(connect.socket.get(), connect.to, waits, connect.slot);
    if (error != EINPROGRESS && error != EALREADY) {
      if (error != 0 && connect.ours) connect.pod->counters.count(connect.pod->counters.failed);
      return error;
    }
  }
  if (Clock::now() >= entry.deadline) return connect.late;
  if (!patrol) return std::nullopt;
  if (!still_valid(connect.listener, call.id)) return kNobody;
  if (!connect.killable) return std::nullopt;
  const Signalled now = signalled(static_cast<pid_t>(call.pid));
  const bool twice = now == Signalled::kMaybe && entry.maybe_signalled;
  entry.maybe_signalled = now == Signalled::kMaybe;
  if (now != Signalled::kYes && !twice) return std::nullopt;
  // A call that has a time limit is not made again by itself (sock_intr_errno(), include/net/sock.h).
  return entry.deadline == Clock::time_point::max() ? kRestart : EINTR;
}

void Pending::finish(std::size_t index, int error) {
  PendingConnect& connect = entries_[index]->connect;
  // Closing our copy takes it out of the set only if the program's are gone as well. It is closed before the answer:
  // the program's own close is then the last one, with all that this means.
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connect.socket.get(), nullptr);
  connect.socket.reset();
  if (error != kNobody) (void)answer(connect.listener, connect.slot->notification.id, 0, error);
  slots_.give_back(connect.slot);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(index));
}

void Pending::work() {
  std::array<epoll_event, 64> events;
  Clock::time_point patrolled = Clock::now();
  for (;;) {
    // Signals and deadlines are looked for now and then: less often the more there are, for each costs a file read.
    const auto interval = std::chrono::milliseconds(10 + entries_.size() / 4);
    const int timeout = entries_.empty() ? -1 : static_cast<int>(interval.count());
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      std::uint64_t ignored = 0;
      (void)!::read(wake_.get(), &ignored, sizeof ignored);
      for (PendingConnect& connect : added_) {
        const int socket = connect.socket.get();
        entries_.push_back(std::make_unique<Entry>(Entry{std::move(connect), deadline_of(socket, SO_SNDTIMEO)}));
        epoll_event event{};
        event.events = EPOLLOUT;
        event.data.ptr = entries_.back().get();
        (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event);
      }
      added_.clear();
    }
    for (int i = 0; i < count; ++i) {
      auto found = std::find_if(entries_.begin(), entries_.end(), [&](const std::unique_ptr<Entry>& entry) {
        return entry.get() == events[static_cast<std::size_t>(i)].data.ptr;
      });
      if (found == entries_.end()) continue;
      if (const auto error = look(**found, true, false); error)
        finish(static_cast<std::size_t>(found - entries_.begin()), *error);
    }
    if (Clock::now() - patrolled < interval) continue;
    patrolled = Clock::now();
    for (std::size_t i = entries_.size(); i-- > 0;)
      if (const auto error = look(*entries_[i], false, true); error) finish(i, *error);
  }
}

}  // namespace sublet::bypass
