// SPDX-License-Identifier: Apache-2.0
#include "bypass/relay.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace sublet::bypass {
namespace {

constexpr std::size_t kPipeBytes = 256UL << 10;
constexpr std::size_t kSparePipes = 64;
constexpr int kTurns = 32;  // of one pair, before others have theirs
constexpr int kEvents = 128;

void prepare(int socket) {
  constexpr int kOn = 1;
  (void)::fcntl(socket, F_SETFL, O_NONBLOCK | O_RDWR);
  // What comes in pieces goes on in pieces; and who has vanished is noticed some day.
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
  (void)::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &kOn, sizeof kOn);
}

int again(ssize_t count) { return count < 0 ? errno : 0; }

}  // namespace

void reset_connection(UniqueFd connection) {
  constexpr linger kAtOnce{1, 0};
  (void)::setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &kAtOnce, sizeof kAtOnce);
}

Result<std::unique_ptr<Relay>> Relay::start() {
  std::unique_ptr<Relay> relay(new Relay);
  relay->epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  relay->wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!relay->epoll_ || !relay->wake_) return fail_errno("the relay");
  epoll_event event{};
  event.events = EPOLLIN;  // 0: no pair's number
  if (::epoll_ctl(relay->epoll_.get(), EPOLL_CTL_ADD, relay->wake_.get(), &event) != 0) return fail_errno("the relay");
  relay->thread_ = std::thread([raw = relay.get()] { raw->work(); });
  return relay;
}

Relay::~Relay() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  (void)::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void Relay::add(UniqueFd one, UniqueFd other, std::function<void()> ended) {
  auto pair = std::make_unique<Pair>();
  pair->ways[0].from = pair->ways[1].to = one.get();
  pair->ways[1].from = pair->ways[0].to = other.get();
  pair->sockets = {std::move(one), std::move(other)};
  pair->ended = std::move(ended);
  {
    std::lock_guard lock(mutex_);
    added_.push_back(std::move(pair));
  }
  (void)::eventfd_write(wake_.get(), 1);  // fails only when 2^64-1 wakings wait
}

void Relay::take_added() {
  std::uint64_t ignored = 0;
  (void)!::read(wake_.get(), &ignored, sizeof ignored);
  std::vector<std::unique_ptr<Pair>> added;
  {
    std::lock_guard lock(mutex_);
    added.swap(added_);
  }
  for (auto& pair : added) {
    pair->number = ++last_;
    bool watched = true;
    for (const UniqueFd& socket : pair->sockets) {
      prepare(socket.get());
      epoll_event event{};
      // Told of changes only: what was not done when it was told of is tried when something else changes.
      event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
      event.data.u64 = pair->number;
      watched = watched && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event) == 0;
    }
    const std::uint64_t number = pair->number;
    pairs_.emplace(number, std::move(pair));
    if (!watched) remove(number, true);
  }
}

void Relay::work() {
  std::array<epoll_event, kEvents> events;
  for (;;) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEvents, queue_.empty() ? -1 : 0);
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    std::vector<std::uint64_t> turn;
    turn.swap(queue_);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t number = events[static_cast<std::size_t>(i)].data.u64;
      if (number == 0)
        take_added();
      else
        turn.push_back(number);
    }
    for (const std::uint64_t number : turn)
      if (auto found = pairs_.find(number); found != pairs_.end()) serve(*found->second);
  }
}

void Relay::serve(Pair& pair) {
  pair.queued = false;
  bool more = false;
  for (Way& way : pair.ways) {
    const Turn turn = carry(way);
    if (turn == Turn::kBroken) return remove(pair.number, true);
    more = more || turn == Turn::kMore;
  }
  if (pair.ways[0].told && pair.ways[1].told) return remove(pair.number, false);
  if (!more || pair.queued) return;
  pair.queued = true;
  queue_.push_back(pair.number);
}

bool Relay::get_pipe(Way& way) {
  if (way.pipe) return true;
  if (!spare_.empty()) {
    way.pipe = std::move(spare_.back());
    spare_.pop_back();
    return true;
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return false;
  way.pipe = Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  // As much as a socket's buffer; a user has so much for all pipes (pipe(7)), after which they stay as they are.
  (void)::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(kPipeBytes));
  return true;
}

void Relay::put_pipe(Way& way) {
  if (!way.pipe) return;
  if (spare_.size() < kSparePipes) spare_.push_back(std::move(*way.pipe));
  way.pipe.reset();
}

// 0, EAGAIN (there is nothing now), or another errno. Only into an empty pipe: that it is full looks the same.
int Relay::fill(Way& way) {
  if (!get_pipe(way)) return errno;
  const ssize_t count =
      ::splice(way.from, nullptr, way.pipe->write.get(), nullptr, kPipeBytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (count == 0) way.ended = true;
  if (count > 0) way.held = static_cast<std::size_t>(count);
  return again(count);
}

// 0, EAGAIN (the receiver takes no more now), or another errno.
int Relay::drain(Way& way) {
  const ssize_t count =
      ::splice(way.pipe->read.get(), nullptr, way.to, nullptr, way.held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (count > 0) way.held -= static_cast<std::size_t>(count);
  return again(count);
}

Relay::Turn Relay::carry(Way& way) {
  for (int i = 0; i < kTurns; ++i) {
    if (way.told) return Turn::kWaits;
    int error = 0;
    if (way.held > 0)
      error = drain(way);
    else if (!way.ended)
      error = fill(way);
    if (error == EINTR) continue;
    if (error == EAGAIN) {
      if (way.held == 0) put_pipe(way);
      return Turn::kWaits;
    }
    if (error != 0) return Turn::kBroken;
    if (!way.ended || way.held > 0) continue;
    put_pipe(way);
    way.told = true;
    // ENOTCONN: it has been reset meanwhile, which the other way will find.
    if (::shutdown(way.to, SHUT_WR) != 0 && errno != ENOTCONN) return Turn::kBroken;
  }
  return Turn::kMore;
}

void Relay::remove(std::uint64_t number, bool reset) {
  auto found = pairs_.find(number);
  if (found == pairs_.end()) return;
  const std::unique_ptr<Pair> pair = std::move(found->second);
  pairs_.erase(found);
  // A pipe with something left in it is nobody else's.
  for (Way& way : pair->ways) way.pipe.reset();
  for (UniqueFd& socket : pair->sockets)
    if (reset) reset_connection(std::move(socket));
  if (pair->ended) pair->ended();
}

}  // namespace sublet::bypass
