// SPDX-License-Identifier: Apache-2.0
#include "bypass/doors.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "bypass/door.h"
#include "bypass/doorbell.h"
#include "bypass/socket_kind.h"

namespace sublet::bypass {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLongestLook{250};
constexpr std::int64_t kBusyMs = 200;
// Bells take turns, so that those of several listeners on one port (SO_REUSEPORT) that the kernel chooses by the
// caller's port all get their share.
constexpr std::size_t kBellsInTurn = 32;
constexpr std::size_t kBellsInStore = 64;
// A thread that has accepted so often with nobody in between is the only one.
constexpr std::uint32_t kAlone = 16;
// As many are given before it is the turn of the listener's queue, where the pod's own clients wait as well.
constexpr std::uint32_t kMostAhead = 16;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count();
}

void put_back(Pod& pod, Bell bell) {
  std::lock_guard lock(pod.doors_mutex);
  if (pod.bells.size() < kBellsInStore) pod.bells.push_back(std::move(bell));
}

int domain_of(int socket) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 ? domain : 0;
}

// It rings for the other one from now on.
void pass_bell(Waiting& from, Waiting& to) {
  to.bell = std::exchange(from.bell, {});
  to.is_heir = true;
  to.in_ring = from.in_ring;
  to.has_spoken = from.has_spoken;
  to.look = from.look;
  to.pause = from.pause;
}

bool may_pass(const Waiting& waiting, const Endpoint& to) {
  return !waiting.alone && !waiting.native && waiting.at.address == to.address;
}

void speak(int bell, Waiting& waiting) {
  if (!waiting.has_spoken) waiting.has_spoken = ::send(bell, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

}  // namespace

Result<std::unique_ptr<Doors>> Doors::start(PodSockets& sockets, std::chrono::milliseconds first_look) {
  std::unique_ptr<Doors> doors(new Doors(sockets, first_look));
  doors->thread_ = std::thread([self = doors.get()] { self->work(); });
  return doors;
}

Doors::~Doors() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Doors::open(const std::shared_ptr<Pod>& pod, std::uint16_t port) {
  if (pod->cookie.load() == 0) {
    const UniqueFd inner = sockets_.take(pod, AF_INET);
    if (inner) pod->cookie.store(kind_of(inner.get()).network);
    pod->diag = sockets_.make(pod, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
  }
  std::shared_ptr<Door> door;
  {
    std::lock_guard lock(pod->doors_mutex);
    std::shared_ptr<Door>& place = pod->doors[port];
    const bool is_new = place == nullptr;
    if (is_new) place = std::make_shared<Door>(port);
    door = place;
    pod->door_count.store(static_cast<std::uint32_t>(pod->doors.size()));
    std::lock_guard door_lock(door->mutex);
    door->open = true;
    if (!is_new) return;
    auto heard = pod->listening.find(port);
    door->window = window_of(heard == pod->listening.end() ? SOMAXCONN : heard->second.backlog);
  }
  std::lock_guard lock(mutex_);
  doors_.emplace_back(pod, std::move(door));
}

void Doors::close(const std::shared_ptr<Pod>& pod, std::uint16_t port) {
  {
    const std::shared_ptr<Door> door = find(*pod, port);
    if (door == nullptr) return;
    std::lock_guard lock(door->mutex);
    door->open = false;
  }
  wake();  // it goes once nobody waits there
}

void Doors::forget(const std::shared_ptr<Pod>& pod) {
  std::map<std::uint16_t, std::shared_ptr<Door>> doors;
  {
    std::lock_guard lock(pod->doors_mutex);
    doors.swap(pod->doors);
    pod->door_count.store(0);
  }
  for (const auto& [port, door] : doors) {
    std::lock_guard lock(door->mutex);
    door->open = false;
    door->forgotten = true;
    auto lose = [&](Waiting& waiting) {
      --waiting_;
      --pod->counters.waiting;
      end_later({pod, std::move(waiting), Outcome::kLost});
    };
    for (Waiting& waiting : door->behind) lose(waiting);
    door->behind.clear();
    for (auto at = door->waiting.begin(); at != door->waiting.end();) {
      if (at->second.in_ring) {  // ring_at() sees to it
        ++at;
        continue;
      }
      lose(at->second);
      at = door->waiting.erase(at);
    }
  }
  {
    std::lock_guard lock(mutex_);
    std::erase_if(doors_, [&](const auto& each) { return each.first.lock() == pod; });
  }
  wake();
}

std::shared_ptr<Door> Doors::find(Pod& pod, std::uint16_t port) {
  std::lock_guard lock(pod.doors_mutex);
  auto found = pod.doors.find(port);
  return found == pod.doors.end() ? nullptr : found->second;
}

void Doors::listens(Pod& pod, int socket, Listening how) {
  const std::uint16_t port = own_end(socket).value_or(Endpoint{}).port;
  std::lock_guard lock(pod.doors_mutex);
  // By somebody who opens and closes ports for ever. What is forgotten costs a little speed.
  constexpr std::size_t kMost = 4096;
  if (pod.listening.size() >= kMost) pod.listening.clear();
  pod.listening[port] = how;
  auto door = pod.doors.find(port);
  if (door == pod.doors.end()) return;
  std::lock_guard door_lock(door->second->mutex);
  door->second->window = window_of(how.backlog);
  door->second->heard_at.reset();
}

bool Doors::knock(const std::shared_ptr<Pod>& pod, const Endpoint& at, UniqueFd& connection, Done done) {
  const std::shared_ptr<Door> door = find(*pod, at.port);
  if (door == nullptr) return false;
  Waiting waiting;
  waiting.at = at;
  waiting.connection = std::move(connection);
  waiting.done = std::move(done);
  waiting.is_safe = secure(waiting.connection.get());
  waiting.domain = domain_of(waiting.connection.get());
  const int error = ring_at(pod, *door, waiting, true);
  if (error == EAGAIN) {
    connection = std::move(waiting.connection);
    return false;
  }
  if (error != 0) end_later({pod, std::move(waiting), error == ECONNREFUSED ? Outcome::kRefused : Outcome::kLost});
  if (error != 0 || !awake_.load()) wake();
  return true;
}

void Doors::ring_again(const std::shared_ptr<Pod>& pod, const std::shared_ptr<Door>& door, Waiting waiting) {
  waiting.bell = {};
  waiting.has_spoken = false;
  waiting.is_heir = false;
  ring_or_end(pod, *door, std::move(waiting));
}

void Doors::ring_or_end(const std::shared_ptr<Pod>& pod, Door& door, Waiting waiting) {
  const int error = ring_at(pod, door, waiting, false);
  if (error == 0) return;
  end_later({pod, std::move(waiting), error == ECONNREFUSED ? Outcome::kRefused : Outcome::kLost});
  wake();
}

void Doors::ring_for_next(const std::shared_ptr<Pod>& pod, const std::shared_ptr<Door>& door) {
  Waiting next;
  {
    std::lock_guard lock(door->mutex);
    if (!door->waiting.empty() || door->behind.empty()) return;
    next = std::move(door->behind.front());
    door->behind.pop_front();
    --waiting_;
    --pod->counters.waiting;
  }
  ring_or_end(pod, *door, std::move(next));
}

void Doors::comes(Door& door, const Acceptor& who) {
  if (!(door.acceptor == who)) {
    door.acceptor = who;
    door.in_a_row = 0;
    door.heard_at.reset();
  }
  door.in_a_row = std::min(door.in_a_row + 1, kAlone);
}

std::optional<Waiting> Doors::next(Pod& pod, Door& door, const Acceptor& who) {
  if (door.behind.empty() || door.in_a_row < kAlone || !(door.acceptor == who) || door.ahead >= kMostAhead) return {};
  const Endpoint& at = door.behind.front().at;
  if (door.heard_at != at.address) return {};
  auto found = std::find_if(door.waiting.begin(), door.waiting.end(),
                            [&](const auto& each) { return may_pass(each.second, at); });
  if (found == door.waiting.end() && !door.waiting.empty()) return {};
  Waiting first = std::move(door.behind.front());
  door.behind.pop_front();
  if (found != door.waiting.end()) {
    std::swap(first, found->second);
    pass_bell(first, found->second);
  }
  ++door.ahead;
  --waiting_;
  --pod.counters.waiting;
  return first;
}

Bell Doors::bell(const std::shared_ptr<Pod>& pod, const IpAddress& address) {
  {
    std::lock_guard lock(pod->doors_mutex);
    auto stored =
        std::find_if(pod->bells.begin(), pod->bells.end(), [&](const Bell& each) { return each.address == address; });
    if (stored != pod->bells.end() && pod->bells.size() >= kBellsInTurn) {
      Bell found = std::move(*stored);
      pod->bells.erase(stored);
      return found;
    }
  }
  Bell made{sockets_.take(pod, address.v6 ? AF_INET6 : AF_INET), address, 0};
  if (made.socket) made.port = make_bell(made.socket.get(), address);
  return made;
}

bool Doors::stay_behind(Pod& pod, Door& door, Waiting& waiting, bool& awaited) {
  if (door.in_a_row < kAlone || door.heard_at != waiting.at.address) return false;
  awaited = door.waiting.empty() && door.parked > 0;
  if (!awaited && std::none_of(door.waiting.begin(), door.waiting.end(),
                               [&](const auto& each) { return may_pass(each.second, waiting.at); }))
    return false;
  ++waiting_;
  ++pod.counters.waiting;
  door.behind.push_back(std::move(waiting));
  return true;
}

int Doors::ring_at(const std::shared_ptr<Pod>& pod, Door& door, Waiting& waiting, bool bounded) {
  waiting.look = Clock::now() + first_look_;
  last_knock_ms_.store(now_ms(), std::memory_order_relaxed);
  bool is_behind = false;
  bool awaited = false;
  if (bounded) {
    std::lock_guard lock(door.mutex);
    if (!door.open || door.waiting.size() + door.behind.size() >= door.window) return EAGAIN;
    is_behind = stay_behind(*pod, door, waiting, awaited);
  }
  if (awaited && awaited_) awaited_();
  if (is_behind) return 0;
  waiting.bell = bell(pod, waiting.at.address);
  if (waiting.bell.port == 0) return ENOBUFS;
  const std::uint32_t key = Door::key(waiting.bell.port, waiting.at.address.v6);
  const int socket = waiting.bell.socket.get();
  const Endpoint at = waiting.at;
  waiting.pause = first_look_;
  waiting.in_ring = true;
  {
    // Whoever accepts it may do so before the call below returns, so it is known before it rings.
    std::lock_guard lock(door.mutex);
    ++waiting_;
    ++pod->counters.waiting;
    door.waiting.insert_or_assign(key, std::move(waiting));
  }
  int error = ring(socket, at);
  hang_up_all();
  std::lock_guard lock(door.mutex);
  auto found = door.waiting.find(key);
  // If it is still there, it is the one: its port is its own until somebody lets go of it.
  if (found == door.waiting.end() || found->second.bell.socket.get() != socket) return 0;
  found->second.in_ring = false;
  if (door.forgotten) error = ENOENT;
  if (error == 0) {
    if (door.deferring) speak(socket, found->second);
    return 0;
  }
  waiting = std::move(found->second);
  door.waiting.erase(found);
  --waiting_;
  --pod->counters.waiting;
  return error;
}

void Doors::hang_up_all() {
  if (answered_.load() == 0) return;
  std::vector<Answered> all;
  {
    std::lock_guard lock(mutex_);
    all.swap(to_hang_up_);
  }
  for (Answered& each : all) {
    // First the bell, whose reset ends both; and with it the port is free.
    if (hang_up(each.bell.socket.get())) put_back(*each.pod, std::move(each.bell));
    --answered_;
  }
}

void Doors::finish(const std::shared_ptr<Pod>& pod, Waiting waiting, Outcome outcome, UniqueFd end) {
  Counters& counters = pod->counters;
  switch (outcome) {
    case Outcome::kHanded: counters.count(counters.handed); break;
    case Outcome::kRefused: counters.count(counters.refused); break;
    case Outcome::kLost: counters.count(counters.lost); break;
    case Outcome::kRelay: counters.count(counters.relayed); break;
  }
  if (outcome == Outcome::kRelay) {
    make_wire(waiting.bell.socket.get());
    if (waiting.done) waiting.done(outcome, std::move(waiting.connection), std::move(waiting.bell.socket));
    return;
  }
  // One that was never accepted may have left something on its way, which the next ring would meet.
  const bool keeps_port = waiting.bell.port >= kFirstBellPort;
  if (outcome == Outcome::kHanded && keeps_port && waiting.bell.socket) {
    ++answered_;
    {
      std::lock_guard lock(mutex_);
      to_hang_up_.push_back({pod, std::move(waiting.bell), std::move(end)});
    }
    if (!awake_.load()) wake();
  }
  waiting.bell.socket.reset();
  if (waiting.done) waiting.done(outcome, std::move(waiting.connection), UniqueFd());
}

std::optional<Waiting> Doors::answered(Pod& pod, Door& door, const Acceptor& who, const Endpoint& from) {
  door.ahead = 0;
  auto found = door.waiting.find(Door::key(from.port, from.address.v6));
  if (found == door.waiting.end() || !(found->second.at.address == from.address)) return std::nullopt;
  std::optional<Waiting> waiting = std::move(found->second);
  door.waiting.erase(found);
  if (door.acceptor == who) door.heard_at = from.address;
  --waiting_;
  --pod.counters.waiting;
  return waiting;
}

void Doors::end_later(Ended ended) {
  std::lock_guard lock(mutex_);
  ended_.push_back(std::move(ended));
}

void Doors::wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

std::optional<Doors::Outcome> Doors::look(const Pod& pod, Door& door, std::uint32_t key, Waiting& waiting) {
  bool connected = false;
  Rung seen = look_at(waiting.bell.socket.get(), connected);
  // Before its own answer it can't be in the queue.
  if (seen == Rung::kWaits && connected && pod.diag)
    seen = look_at_other_end(pod.diag.get(), waiting.at, static_cast<std::uint16_t>(key));
  switch (seen) {
    case Rung::kWaits: return std::nullopt;
    case Rung::kRefused: return Outcome::kRefused;
    case Rung::kLost: return Outcome::kLost;
    case Rung::kDeferred:
      door.deferring = true;
      speak(waiting.bell.socket.get(), waiting);
      return std::nullopt;
    case Rung::kTaken: break;
  }
  return waiting.has_spoken || waiting.native ? Outcome::kLost : Outcome::kRelay;
}

void Doors::look_at_door(const std::shared_ptr<Pod>& pod, Door& door, Look& at) {
  for (auto each = door.waiting.begin(); each != door.waiting.end();) {
    Waiting& waiting = each->second;
    std::optional<Outcome> outcome;
    if (waiting.look <= at.now && !waiting.in_ring) {
      outcome = look(*pod, door, each->first, waiting);
      waiting.pause = std::min(waiting.pause * 2, kLongestLook);
      waiting.look = at.now + waiting.pause;
    }
    at.next = std::min(at.next, waiting.look);
    if (!outcome) {
      ++each;
      continue;
    }
    --waiting_;
    --pod->counters.waiting;
    // What became of its bell may be older than it.
    if (waiting.is_heir && *outcome != Outcome::kRelay)
      at.to_ring.push_back(std::move(waiting));
    else
      at.ended.push_back({pod, std::move(waiting), *outcome});
    each = door.waiting.erase(each);
  }
  while (!door.behind.empty() && (door.behind.front().look <= at.now || door.waiting.empty())) {
    --waiting_;
    --pod->counters.waiting;
    at.to_ring.push_back(std::move(door.behind.front()));
    door.behind.pop_front();
  }
  if (!door.behind.empty()) at.next = std::min(at.next, door.behind.front().look);
}

Clock::time_point Doors::look_around() {
  hang_up_all();
  std::vector<std::pair<std::weak_ptr<Pod>, std::shared_ptr<Door>>> doors;
  Look at{Clock::now(), Clock::time_point::max(), {}, {}};
  {
    std::lock_guard lock(mutex_);
    doors = doors_;
    at.ended.swap(ended_);
  }
  for (auto& [weak, door] : doors) {
    const std::shared_ptr<Pod> pod = weak.lock();
    if (pod == nullptr) continue;
    std::unique_lock lock(door->mutex);
    look_at_door(pod, *door, at);
    const bool is_over = !door->open && door->waiting.empty() && door->behind.empty() && at.to_ring.empty();
    lock.unlock();
    for (Waiting& each : at.to_ring) {
      // Its own, from here on.
      each.bell = {};
      each.is_heir = each.has_spoken = false;
      ring_or_end(pod, *door, std::move(each));
    }
    at.to_ring.clear();
    if (is_over) drop(pod, door);
  }
  for (Ended& each : at.ended) finish(each.pod, std::move(each.waiting), each.outcome);
  return at.next;
}

void Doors::drop(const std::shared_ptr<Pod>& pod, const std::shared_ptr<Door>& door) {
  {
    std::lock_guard lock(pod->doors_mutex);
    std::lock_guard door_lock(door->mutex);
    if (door->open || !door->waiting.empty() || !door->behind.empty()) return;
    auto found = pod->doors.find(door->port);
    if (found != pod->doors.end() && found->second == door) pod->doors.erase(found);
    pod->door_count.store(static_cast<std::uint32_t>(pod->doors.size()));
  }
  std::lock_guard lock(mutex_);
  std::erase_if(doors_, [&](const auto& each) { return each.second == door; });
}

void Doors::work() {
  for (;;) {
    Clock::time_point next = look_around();
    // While connections come, they come in without waking us.
    const bool busy = waiting_.load() > 0 || now_ms() - last_knock_ms_.load(std::memory_order_relaxed) < kBusyMs;
    awake_.store(busy);
    if (busy) next = std::min(next, Clock::now() + first_look_);
    if (!busy && waiting_.load() + answered_.load() > 0) continue;  // somebody saw us awake
    std::unique_lock lock(mutex_);
    const auto is_due = [this] { return stopping_ || woken_; };
    if (next == Clock::time_point::max())
      changed_.wait(lock, is_due);
    else
      (void)changed_.wait_until(lock, next, is_due);
    woken_ = false;
    if (stopping_) return;
  }
}

}  // namespace sublet::bypass
