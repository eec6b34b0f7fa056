// SPDX-License-Identifier: Apache-2.0
#include "bypass/accepting.h"

#include <fcntl.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "bypass/abi.h"
#include "bypass/doorbell.h"
#include "bypass/listener.h"
#include "bypass/pending.h"
#include "bypass/socket_kind.h"
#include "bypass/target.h"

namespace sublet::bypass {
namespace {

constexpr std::chrono::milliseconds kFirstPatrol{50};
constexpr std::chrono::milliseconds kLongestPatrol{1000};

int flags_of(const seccomp_data& call) {
  return call_of(call.arch, static_cast<std::uint32_t>(call.nr)) == Call::kAccept4 ? static_cast<int>(call.args[3]) : 0;
}

bool set_nonblocking(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return false;
  const int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  return wanted == flags || ::fcntl(fd, F_SETFL, wanted) == 0;
}

// The pod's end of a connection.
Endpoint end_of(int connection) { return own_end(connection).value_or(Endpoint{}); }

// A doorbell of a broker before us: it comes from its own pod's address, and was reset without a word.
bool is_dead_bell(const Endpoint& from, int accepted) {
  if (!(end_of(accepted).address == from.address)) return false;
  char byte = 0;
  return ::recv(accepted, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == ECONNRESET;
}

}  // namespace

std::optional<std::size_t> shown(std::int32_t room, std::size_t real) {
  if (room < 0) return std::nullopt;
  return std::min(static_cast<std::size_t>(room), real);
}

Result<std::unique_ptr<Accepting>> Accepting::start(Slots& slots, Doors& doors, const AllDefaults& defaults) {
  std::unique_ptr<Accepting> accepting(new Accepting(slots, doors, defaults));
  accepting->epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  accepting->wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!accepting->epoll_ || !accepting->wake_) return fail_errno("waiting for what is accepted");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = 0;
  if (::epoll_ctl(accepting->epoll_.get(), EPOLL_CTL_ADD, accepting->wake_.get(), &event) != 0)
    return fail_errno("waiting for what is accepted");
  doors.when_awaited([self = accepting.get()] {
    self->awaited_.store(true);
    self->wake();
  });
  accepting->thread_ = std::thread([self = accepting.get()] { self->work(); });
  return accepting;
}

Accepting::~Accepting() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
}

void Accepting::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void Accepting::take(AcceptCall call) {
  // As __sys_accept4_file() has it (net/socket.c): before anything is looked at.
  if ((flags_of(call.slot->notification.data) & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0)
    return answer(call, {Answer::Kind::kReply, EINVAL});
  if (attempt(call)) return;
  int listens = 0;
  socklen_t size = sizeof listens;
  // Nothing will ever come to a socket that does not listen.
  if (::getsockopt(call.socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
    return answer(call, {Answer::Kind::kPass});
  {
    std::lock_guard lock(call.door->mutex);
    ++call.door->parked;
    call.counted = true;
  }
  {
    std::lock_guard lock(mutex_);
    added_.push_back(std::move(call));
  }
  wake();
}

bool Accepting::attempt(AcceptCall& call) {
  Found found;
  bool waits = false;
  int error = 0;
  for (;;) {
    error = look_into(call, found, waits);
    found.fits = error == 0 && found.waiting && fits(call, *found.waiting);
    if (error != 0 || found.socket || found.fits) break;
    // Its doorbell will have to carry it; and it is in the queue that one finds those.
    found.waiting->alone = true;
    doors_.ring_again(call.pod, call.door, std::move(*found.waiting));
    found.waiting.reset();
  }
  if (error == 0 && found.socket && found.waiting) doors_.ring_for_next(call.pod, call.door);
  switch (error) {
    case 0: break;
    case EAGAIN:
      if (waits) return false;
      answer(call, {Answer::Kind::kReply, EAGAIN});
      return true;
    // It is we who have no descriptor left. The kernel may still find one for the program; a doorbell that it then
    // accepts is found out about.
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS: answer(call, {Answer::Kind::kPass}); return true;
    default: answer(call, {Answer::Kind::kReply, error}); return true;
  }
  give(call, std::move(found));
  return true;
}

int Accepting::look_into(AcceptCall& call, Found& found, bool& waits) {
  const Doors::Acceptor who{static_cast<pid_t>(call.slot->notification.pid), call.cookie};
  std::lock_guard lock(call.door->mutex);
  Doors::comes(*call.door, who);
  found.waiting = doors_.next(*call.pod, *call.door, who);
  if (found.waiting) return 0;
  const int error = look_into_queue(call, who, found, waits);
  if (error != EAGAIN) return error;
  call.door->ahead = 0;  // nobody waits there
  found.waiting = doors_.next(*call.pod, *call.door, who);
  return found.waiting ? 0 : EAGAIN;
}

int Accepting::look_into_queue(AcceptCall& call, const Doors::Acceptor& who, Found& found, bool& waits) {
  const int fd = call.socket.get();
  const int flags = ::fcntl(fd, F_GETFL);
  waits = flags >= 0 && (flags & O_NONBLOCK) == 0;
  if (waits) {
    pollfd poll{fd, POLLIN, 0};
    if (::poll(&poll, 1, 0) <= 0) return EAGAIN;
    call.slot->made_nonblocking.store(1);
    (void)::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  }
  int error = 0;
  for (;;) {
    found.peer.length = sizeof found.peer.storage;
    found.socket.reset(
        ::accept4(fd, reinterpret_cast<sockaddr*>(&found.peer.storage), &found.peer.length, SOCK_CLOEXEC));
    error = found.socket ? 0 : errno;
    if (error != 0) break;
    const std::optional<Endpoint> from = endpoint_of(found.peer);
    if (!from) break;
    found.waiting = doors_.answered(*call.pod, *call.door, who, *from);
    if (found.waiting || !is_dead_bell(*from, found.socket.get())) break;
  }
  if (waits) {
    (void)::fcntl(fd, F_SETFL, flags);
    call.slot->made_nonblocking.store(0);
  }
  return error;
}

bool Accepting::fits(const AcceptCall& call, const Waiting& waiting) {
  return waiting.native || (waiting.is_safe && fit(call, waiting, waiting.connection.get()) == 0);
}

int Accepting::fit(const AcceptCall& call, const Waiting& waiting, int connection) {
  if (waiting.domain != call.domain) {
    const int v4 = AF_INET;
    if (call.domain != AF_INET) return EAFNOSUPPORT;
    if (::setsockopt(connection, IPPROTO_IPV6, IPV6_ADDRFORM, &v4, sizeof v4) != 0) return errno;
  }
  constexpr std::chrono::seconds kRemember{1};
  constexpr std::size_t kListeners = 64;  // as many have their options remembered at one door
  Door& door = *call.door;
  const Clock::time_point now = Clock::now();
  std::lock_guard lock(door.inherited_mutex);
  auto known = std::find_if(door.inherited.begin(), door.inherited.end(),
                            [&](const Door::Inherited& each) { return each.listener == call.cookie; });
  if (known == door.inherited.end()) {
    if (door.inherited.size() >= kListeners) door.inherited.clear();
    door.inherited.push_back({call.cookie, {}, {}});
    known = door.inherited.end() - 1;
  }
  if (now - known->read > kRemember) {
    if (waiting.bell.socket) door.usual = congestion_control(waiting.bell.socket.get());
    known->settings = defaults_.of(call.domain).inherited(call.socket.get(), door.usual);
    known->read = now;
    learn(door, call.socket.get());
  }
  set_all(known->settings, connection);
  return 0;
}

void Accepting::learn(Door& door, int listener) {
  int seconds = 0;
  socklen_t size = sizeof seconds;
  const bool defers = ::getsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, &size) == 0 && seconds > 0;
  tcp_info info{};
  size = sizeof info;
  // Of a socket that listens, these are the length of its queue and the most that it may become (tcp_get_info()).
  const bool knows = ::getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_LISTEN;
  std::lock_guard lock(door.mutex);
  door.deferring = defers;
  if (knows) door.window = window_of(static_cast<int>(std::min(info.tcpi_sacked, 0xffffU)));
}

int Accepting::tell_name(const AcceptCall& call, const RawAddress& name) {
  const seccomp_notif& asked = call.slot->notification;
  const std::uint64_t address = asked.data.args[1];
  const std::uint64_t length = asked.data.args[2];
  if (address == 0) return 0;
  const auto thread = static_cast<pid_t>(asked.pid);
  std::int32_t room = 0;
  if (read_memory(thread, length, &room, sizeof room) != 0) return EFAULT;
  // Whose memory that was, and will be written to.
  if (!still_valid(call.listener, asked.id)) return ENOENT;
  const std::optional<std::size_t> bytes = shown(room, name.length);
  if (!bytes) return EINVAL;
  if (write_memory(thread, address, &name.storage, *bytes) != 0) return EFAULT;
  const auto real = static_cast<std::int32_t>(name.length);
  return write_memory(thread, length, &real, sizeof real) == 0 ? 0 : EFAULT;
}

void Accepting::give(AcceptCall& call, Found found) {
  const std::shared_ptr<Pod> pod = call.pod;
  const std::shared_ptr<Door> door = call.door;
  Doors::Outcome outcome = Doors::Outcome::kHanded;
  UniqueFd connection;
  RawAddress name = found.peer;
  if (found.waiting) {
    connection = std::move(found.waiting->connection);
    if (!found.fits) {
      // A client of IPv6 at a listener of IPv4, one that has closed its side already, or one that must not be given
      // away (Doors::guard()). The doorbell can carry it.
      outcome = found.waiting->has_spoken ? Doors::Outcome::kLost : Doors::Outcome::kRelay;
      found.waiting->connection = std::move(connection);
      connection = std::move(found.socket);
    } else if (call.slot->notification.data.args[1] != 0) {
      name.length = sizeof name.storage;
      if (::getpeername(connection.get(), reinterpret_cast<sockaddr*>(&name.storage), &name.length) != 0)
        name = found.peer;  // reset meanwhile; the program will find out
    }
  } else {
    connection = std::move(found.socket);
  }
  const seccomp_notif& asked = call.slot->notification;
  const int flags = flags_of(asked.data);
  (void)set_nonblocking(connection.get(), (flags & SOCK_NONBLOCK) != 0);
  Answer ending;
  ending.error = tell_name(call, name);
  if (ending.error == 0) {
    const int number = add_fd(call.listener, asked.id, connection.get(), (flags & SOCK_CLOEXEC) != 0);
    // The program has no number left. It comes as EBADF for its own limit.
    ending.error = number == -EBADF ? EMFILE : number < 0 ? -number : 0;
    ending.value = std::max(number, 0);
  }
  const bool is_back = ending.error == ENOENT || ending.error == EMFILE || ending.error == ENFILE;
  if (is_back) {
    // As if it had not been looked for: the next who accepts gets it.
    Waiting again;
    if (found.waiting) again = std::move(*found.waiting);
    if (!found.waiting) again.native = true;
    if (again.native) again.at = end_of(connection.get());
    if (outcome == Doors::Outcome::kHanded) again.connection = std::exchange(connection, UniqueFd());
    connection.reset();
    // What it was rung with is reset with it; the next ring is another's.
    again.bell = {};
    answer(call, {ending.error == ENOENT ? Answer::Kind::kNone : Answer::Kind::kReply, ending.error});
    doors_.ring_again(pod, door, std::move(again));
    return;
  }
  if (ending.error == ENOENT) ending.kind = Answer::Kind::kNone;
  if (ending.error == 0) call.slot->given.store(static_cast<std::uint32_t>(ending.value) + 1);
  // The program's own close shall be the last one, so ours come before it can know the number.
  connection.reset();
  answer(call, ending);
  if (found.waiting) doors_.finish(pod, std::move(*found.waiting), outcome, std::move(found.socket));
}

void Accepting::answer(AcceptCall& call, Answer answer) {
  // Closing our copy would take it out of the set only if the program's were gone as well.
  if (call.parked) (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, call.socket.get(), nullptr);
  call.socket.reset();
  if (call.counted) {
    std::lock_guard lock(call.door->mutex);
    --call.door->parked;
  }
  const std::uint64_t id = call.slot->notification.id;
  if (answer.kind == Answer::Kind::kPass)
    (void)go_on(call.listener, id);
  else if (answer.kind == Answer::Kind::kReply)
    (void)bypass::answer(call.listener, id, answer.value, answer.error);
  slots_.give_back(call.slot);
}

bool Accepting::is_awaited(const AcceptCall& call) {
  std::lock_guard lock(call.door->mutex);
  return !call.door->behind.empty();
}

bool Accepting::try_again(AcceptCall& call) {
  if (still_valid(call.listener, call.slot->notification.id)) return attempt(call);
  answer(call, {Answer::Kind::kNone});
  return true;
}

void Accepting::add(std::vector<AcceptCall> calls) {
  for (AcceptCall& call : calls) {
    const std::uint64_t number = next_++;
    call.parked = true;
    const int socket = call.socket.get();
    const Clock::time_point now = Clock::now();
    const Clock::time_point deadline = deadline_of(socket, SO_RCVTIMEO);
    parked_.emplace(number, Parked{std::move(call), deadline, now + kFirstPatrol, kFirstPatrol});
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number;
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event);
  }
}

std::optional<Accepting::Answer> Accepting::look_after(Parked& parked, Clock::time_point now) {
  if (now >= parked.deadline) return Answer{Answer::Kind::kReply, EAGAIN};
  if (now < parked.patrol) return std::nullopt;
  parked.pause = std::min(parked.pause * 2, kLongestPatrol);
  parked.patrol = now + parked.pause;
  const seccomp_notif& asked = parked.call.slot->notification;
  if (!still_valid(parked.call.listener, asked.id)) return Answer{Answer::Kind::kNone};
  if (!parked.call.killable) return std::nullopt;
  const Signalled seen = signalled(static_cast<pid_t>(asked.pid));
  const bool twice = seen == Signalled::kMaybe && parked.maybe_signalled;
  parked.maybe_signalled = seen == Signalled::kMaybe;
  if (seen == Signalled::kMaybe && !twice) parked.patrol = now + kFirstPatrol;
  if (seen != Signalled::kYes && !twice) return std::nullopt;
  // A call that has a time limit is not made again by itself (sock_intr_errno(), include/net/sock.h).
  return Answer{Answer::Kind::kReply, parked.deadline == Clock::time_point::max() ? kRestart : EINTR};
}

void Accepting::work() {
  std::array<epoll_event, 64> events;
  for (;;) {
    Clock::time_point next = Clock::time_point::max();
    for (const auto& [number, parked] : parked_) next = std::min({next, parked.deadline, parked.patrol});
    int timeout = -1;
    if (next != Clock::time_point::max())
      timeout =
          static_cast<int>(std::clamp<std::int64_t>((next - Clock::now()) / std::chrono::milliseconds(1) + 1, 0, 1000));
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    std::vector<AcceptCall> added;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      added.swap(added_);
    }
    for (int i = 0; i < count; ++i) {
      const std::uint64_t number = events[static_cast<std::size_t>(i)].data.u64;
      if (number == 0) {
        std::uint64_t ignored = 0;
        (void)!::read(wake_.get(), &ignored, sizeof ignored);
        continue;
      }
      auto found = parked_.find(number);
      if (found == parked_.end()) continue;
      if (try_again(found->second.call)) parked_.erase(found);
    }
    // Who came without a bell may have come before the one that waits for him was here.
    const bool look_at_all = awaited_.exchange(false) || !added.empty();
    add(std::move(added));
    for (auto at = parked_.begin(); look_at_all && at != parked_.end();)
      at = is_awaited(at->second.call) && try_again(at->second.call) ? parked_.erase(at) : std::next(at);
    const Clock::time_point now = Clock::now();
    for (auto at = parked_.begin(); at != parked_.end();) {
      const std::optional<Answer> ending = look_after(at->second, now);
      if (!ending) {
        ++at;
        continue;
      }
      answer(at->second.call, *ending);
      at = parked_.erase(at);
    }
  }
}

}  // namespace sublet::bypass
