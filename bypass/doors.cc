// SPDX-License-Identifier: Apache-2.0
#include "bypass/doors.h"

#include <linux/filter.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "bypass/door.h"
#include "bypass/doorbell.h"
#include "bypass/socket_kind.h"

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

namespace sublet::bypass {
namespace {

constexpr std::uint32_t kFlagsOfTcp = 13;   // RFC 9293 §3.1; a stream socket's filter sees the packet from there on
constexpr std::uint32_t kSynAndAck = 0x12;  // the same: SYN 0x02, ACK 0x10

using Clock = std::chrono::steady_clock;
// Whoever accepts does so long before the first look; who does not may take his time.
constexpr std::chrono::milliseconds kFirstLook{4};
constexpr std::chrono::milliseconds kLongestLook{250};
constexpr std::int64_t kBusyMs = 200;
// Bells take turns, so that those of several listeners on one port (SO_REUSEPORT) that the kernel chooses by the
// caller's port all get their share.
constexpr std::size_t kBellsInTurn = 32;
constexpr std::size_t kBellsInStore = 64;

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

// See Doors::guard(). True: bound or guarded.
bool secure(int connection) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(connection, SOL_SOCKET, SO_LOCK_FILTER, &value, &size) == 0 && value != 0) return true;
  // Whoever knocked before and found no room has bound it; the kernel lets nobody bind it a second time.
  constexpr int kLoopback = 1;  // LOOPBACK_IFINDEX, in every namespace
  if (device_of(connection) > kLoopback) return true;
  // The device that it came by: an accepted socket of IPv6 has it where a new one has none (tcp_v6_syn_recv_sock()).
  size = sizeof value;
  if (::getsockopt(connection, IPPROTO_IPV6, IPV6_MULTICAST_IF, &value, &size) != 0) return false;
  return value > kLoopback && ::setsockopt(connection, SOL_SOCKET, SO_BINDTOIFINDEX, &value, sizeof value) == 0;
}

void speak(int bell, Waiting& waiting) {
  if (!waiting.has_spoken) waiting.has_spoken = ::send(bell, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

}  // namespace

Result<void> Doors::guard(int listener) {
  // A listener never gets SYN+ACK, nor does what it accepts. Only a connection that one has begun oneself needs it.
  sock_filter code[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, kFlagsOfTcp},
                        {BPF_ALU | BPF_AND | BPF_K, 0, 0, kSynAndAck},
                        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, kSynAndAck},
                        {BPF_RET | BPF_K, 0, 0, 0},
                        {BPF_RET | BPF_K, 0, 0, ~0U}};
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  if (::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
    if (errno == EPERM) return {};  // secure() sees that it is not there
    return fail_errno("SO_ATTACH_FILTER");
  }
  const int on = 1;
  if (::setsockopt(listener, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) != 0) return fail_errno("SO_LOCK_FILTER");
  return {};
}

Result<std::unique_ptr<Doors>> Doors::start(PodSockets& sockets) {
  std::unique_ptr<Doors> doors(new Doors(sockets));
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
    for (auto& [key, waiting] : door->waiting) {
      --waiting_;
      --pod->counters.waiting;
      end_later({pod, std::move(waiting), Outcome::kLost});
    }
    door->waiting.clear();
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
  if (ring_at(pod, *door, waiting, false) != 0) end_later({pod, std::move(waiting), Outcome::kLost});
  wake();
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

int Doors::ring_at(const std::shared_ptr<Pod>& pod, Door& door, Waiting& waiting, bool bounded) {
  if (bounded) {
    std::lock_guard lock(door.mutex);
    if (!door.open || door.waiting.size() >= door.window) return EAGAIN;
  }
  waiting.bell = bell(pod, waiting.at.address);
  if (waiting.bell.port == 0) return ENOBUFS;
  const std::uint32_t key = Door::key(waiting.bell.port, waiting.at.address.v6);
  const int socket = waiting.bell.socket.get();
  const Endpoint at = waiting.at;
  waiting.pause = kFirstLook;
  waiting.look = Clock::now() + kFirstLook;
  last_knock_ms_.store(now_ms(), std::memory_order_relaxed);
  bool deferring = false;
  {
    // Whoever accepts it may do so before the call below returns, so it is known before it rings.
    std::lock_guard lock(door.mutex);
    deferring = door.deferring;
    ++waiting_;
    ++pod->counters.waiting;
    door.waiting.insert_or_assign(key, std::move(waiting));
  }
  const int error = ring(socket, at);
  if (error == 0 && !deferring) return 0;
  // If it is still there, it is the one: its port is its own until somebody lets go of it.
  std::lock_guard lock(door.mutex);
  auto found = door.waiting.find(key);
  if (found == door.waiting.end() || found->second.bell.socket.get() != socket) return 0;
  if (error == 0) {
    speak(socket, found->second);
    return 0;
  }
  waiting = std::move(found->second);
  door.waiting.erase(found);
  --waiting_;
  --pod->counters.waiting;
  return error;
}

void Doors::finish(Pod& pod, Waiting waiting, Outcome outcome) {
  Counters& counters = pod.counters;
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
  if (outcome == Outcome::kHanded && keeps_port && waiting.bell.socket && hang_up(waiting.bell.socket.get()))
    put_back(pod, std::move(waiting.bell));
  waiting.bell.socket.reset();
  if (waiting.done) waiting.done(outcome, std::move(waiting.connection), UniqueFd());
}

std::optional<Waiting> Doors::answered(Pod& pod, Door& door, const Endpoint& from) {
  auto found = door.waiting.find(Door::key(from.port, from.address.v6));
  if (found == door.waiting.end() || !(found->second.at.address == from.address)) return std::nullopt;
  std::optional<Waiting> waiting = std::move(found->second);
  door.waiting.erase(found);
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

Clock::time_point Doors::look_around() {
  std::vector<std::pair<std::weak_ptr<Pod>, std::shared_ptr<Door>>> doors;
  std::vector<Ended> ended;
  {
    std::lock_guard lock(mutex_);
    doors = doors_;
    ended.swap(ended_);
  }
  const Clock::time_point now = Clock::now();
  Clock::time_point next = Clock::time_point::max();
  for (auto& [weak, door] : doors) {
    const std::shared_ptr<Pod> pod = weak.lock();
    if (pod == nullptr) continue;
    std::unique_lock lock(door->mutex);
    for (auto at = door->waiting.begin(); at != door->waiting.end();) {
      Waiting& waiting = at->second;
      std::optional<Outcome> outcome;
      if (waiting.look <= now) {
        outcome = look(*pod, *door, at->first, waiting);
        waiting.pause = std::min(waiting.pause * 2, kLongestLook);
        waiting.look = now + waiting.pause;
      }
      next = std::min(next, waiting.look);
      if (!outcome) {
        ++at;
        continue;
      }
      --waiting_;
      --pod->counters.waiting;
      ended.push_back({pod, std::move(waiting), *outcome});
      at = door->waiting.erase(at);
    }
    const bool is_over = !door->open && door->waiting.empty();
    lock.unlock();
    if (is_over) drop(pod, door);
  }
  for (Ended& each : ended) finish(*each.pod, std::move(each.waiting), each.outcome);
  return next;
}

void Doors::drop(const std::shared_ptr<Pod>& pod, const std::shared_ptr<Door>& door) {
  {
    std::lock_guard lock(pod->doors_mutex);
    std::lock_guard door_lock(door->mutex);
    if (door->open || !door->waiting.empty()) return;
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
    if (busy) next = std::min(next, Clock::now() + kFirstLook);
    if (!busy && waiting_.load() > 0) continue;  // somebody saw us awake
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
