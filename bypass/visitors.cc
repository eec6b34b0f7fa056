// SPDX-License-Identifier: Apache-2.0
// What becomes of a connection that came to a port of the host.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/log.h"
#include "bypass/host_ports.h"

namespace sublet::bypass {
namespace {

constexpr int kAcceptedAtOnce = 64;  // of one port, before others have their turn
// A pod's node answers at once that there is nobody; who says nothing for so long has no room in his backlog.
constexpr std::chrono::seconds kDialTime{30};
constexpr std::chrono::milliseconds kRest{100};
constexpr std::size_t kMostNamed = 100;  // strangers of one port in the log

}  // namespace

void HostPorts::accept_some(const std::shared_ptr<Port>& port) {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    watch(*port);
    if (!port->listener || !port->watched) return;
    RawAddress raw;
    raw.length = sizeof raw.storage;
    UniqueFd connection(::accept4(port->listener->fd(), reinterpret_cast<sockaddr*>(&raw.storage), &raw.length,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!connection && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!connection) {
      if (errno != EAGAIN) rest_ = Clock::now() + kRest;  // EMFILE and its like: connections wait with the kernel
      return;
    }
    if (const auto client = endpoint_of(raw)) welcome(port, std::move(connection), *client);
  }
}

void HostPorts::welcome(const std::shared_ptr<Port>& port, UniqueFd connection, const Endpoint& client) {
  // A port that is open to all is interested in who comes only if not all of its pods are.
  const bool some_isolated = std::any_of(port->spec.endpoints.begin(), port->spec.endpoints.end(),
                                         [](const PortEndpoint& each) { return each.isolated; });
  bool stranger = false;
  if (!port->spec.open || some_isolated) {
    const OwnerCheck::Verdict verdict = means_.owner.judge(client, Endpoint{address_of(*port), port->listener->port()});
    stranger = !verdict.owner;
    if (stranger && !port->spec.open) {
      ++port->counts.strangers;
      if (port->named.size() < kMostNamed && port->named.insert(verdict.who).second)
        log::info("{} knocked at port {} ({}) and was sent away", verdict.who, port->listener->port(), port->spec.key);
      return reset_connection(std::move(connection));
    }
  }
  const std::uint64_t number = ++last_number_;
  ++port->waiting;
  Visitor& visitor = visitors_[number];
  visitor.port = port;
  visitor.client = client;
  visitor.stranger = stranger;
  visitor.connection = std::move(connection);
  send_on(number);
}

void HostPorts::send_on(std::uint64_t number) {
  Visitor& visitor = visitors_.at(number);
  for (;;) {
    const Choice::Wish wish{visitor.client.address, visitor.stranger, visitor.tried};
    auto next = visitor.port->choice.next(wish, Clock::now());
    if (!next) return turn_away(number);
    visitor.at = std::move(*next);
    if (try_door(number, visitor) != Tried::kNoDoor || dial(number, visitor)) return;
    visitor.tried.push_back(visitor.at);
  }
}

HostPorts::Tried HostPorts::try_door(std::uint64_t number, Visitor& visitor) {
  const auto pod = pods_.find(visitor.at.pod_uid);
  if (pod == pods_.end()) return Tried::kNoDoor;
  const DoorName name{visitor.at.pod_uid, visitor.at.port};
  auto done = [this, number, name](Doors::Outcome outcome, UniqueFd connection, UniqueFd doorbell) {
    auto back = std::make_shared<std::pair<UniqueFd, UniqueFd>>(std::move(connection), std::move(doorbell));
    post([this, number, name, outcome, back] {
      on_knocked(number, name, outcome, std::move(back->first), std::move(back->second));
    });
  };
  Door& door = knocks_[name];
  if (means_.doors.knock(pod->second, Endpoint{visitor.at.address, visitor.at.port}, visitor.connection,
                         std::move(done))) {
    ++door.knocking;
    return Tried::kTaken;
  }
  if (door.knocking > 0) {  // as many as its listener's backlog bears
    door.parked.push_back(number);
    return Tried::kParked;
  }
  knocks_.erase(name);
  return Tried::kNoDoor;
}

void HostPorts::on_knocked(std::uint64_t number, const DoorName& name, Doors::Outcome outcome, UniqueFd connection,
                           UniqueFd doorbell) {
  Visitor& visitor = visitors_.at(number);
  visitor.connection = std::move(connection);
  if (outcome == Doors::Outcome::kHanded) {
    ++visitor.port->counts.handed;
    visitor.port->choice.keep(visitor.client.address, visitor.at, Clock::now());
    leave(number);
  } else if (outcome == Doors::Outcome::kRelay) {
    join(number, std::move(doorbell));
  } else if (outcome == Doors::Outcome::kRefused || !dial(number, visitor)) {
    visitor.tried.push_back(visitor.at);
    send_on(number);
  }  // Lost: the listener has gone, or the door had no doorbell left, which the kernel will tell apart
  const auto door = knocks_.find(name);
  if (door == knocks_.end()) return;
  --door->second.knocking;
  std::deque<std::uint64_t> parked;
  parked.swap(door->second.parked);
  if (door->second.knocking == 0) knocks_.erase(door);
  // The first finds room; where there is none for the others, they are parked again, in their order.
  for (const std::uint64_t each : parked)
    if (visitors_.contains(each)) send_on(each);
}

bool HostPorts::dial(std::uint64_t number, Visitor& visitor) {
  UniqueFd socket = means_.sockets.take(means_.node, visitor.at.address.v6 ? AF_INET6 : AF_INET);
  if (!socket) return false;
  const RawAddress to = raw_address(visitor.at.address, visitor.at.port);
  if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK | O_RDWR) != 0) return false;
  if (::connect(socket.get(), to.get(), to.length) != 0 && errno != EINPROGRESS) return false;
  epoll_event event{};
  event.events = EPOLLOUT | EPOLLONESHOT;
  event.data.u64 = number;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event) != 0) return false;
  visitor.upstream = std::move(socket);
  visitor.deadline = Clock::now() + kDialTime;
  ++dialling_;
  return true;
}

void HostPorts::on_dialled(std::uint64_t number) {
  Visitor& visitor = visitors_.at(number);
  if (!visitor.upstream) return;
  UniqueFd upstream = std::move(visitor.upstream);
  --dialling_;
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(upstream.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error == 0) {
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, upstream.get(), nullptr);
    return join(number, std::move(upstream));
  }
  visitor.tried.push_back(visitor.at);
  send_on(number);
}

void HostPorts::join(std::uint64_t number, UniqueFd upstream) {
  Visitor& visitor = visitors_.at(number);
  const std::shared_ptr<Port> port = visitor.port;
  ++port->counts.relayed;
  ++port->relaying;
  port->choice.keep(visitor.client.address, visitor.at, Clock::now());
  means_.relay.add(std::move(visitor.connection), std::move(upstream),
                   [this, port] { post([port] { --port->relaying; }); });
  leave(number);
}

// As if nobody listened, which the client cannot be told any more in TCP's own way.
void HostPorts::turn_away(std::uint64_t number) {
  Visitor& visitor = visitors_.at(number);
  Port& port = *visitor.port;
  const bool isolated =
      !port.choice.endpoints().empty() && !port.choice.has_for({visitor.client.address, visitor.stranger, {}});
  ++(isolated ? port.counts.isolated : port.counts.failed);
  reset_connection(std::move(visitor.connection));
  leave(number);
}

void HostPorts::leave(std::uint64_t number) {
  const auto found = visitors_.find(number);
  --found->second.port->waiting;
  visitors_.erase(found);
}

}  // namespace sublet::bypass
