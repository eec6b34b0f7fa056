// SPDX-License-Identifier: Apache-2.0
#include "launcher/api/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <list>
#include <string>
#include <vector>

#include "base/sys.h"
#include "launcher/api/peer.h"

namespace sublet::launcher {
namespace {

constexpr int kBacklog = 1024;
constexpr std::size_t kScratchBytes = std::size_t{256} << 10;
// One connection may move this many scratch buffers before the others have their turn.
constexpr int kRoundsPerTurn = 4;
// Out of descriptors with no connection of ours to wait for: look again after this.
constexpr std::chrono::milliseconds kRetryAccept{100};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

template <typename Address>
auto* as_sockaddr(Address& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

void set_option(int fd, int level, int name, int value) { (void)::setsockopt(fd, level, name, &value, sizeof value); }

// Closing sends a reset: the other end learns that the stream was cut, not that it is complete.
void close_with_reset(UniqueFd& fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  if (fd) (void)::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  fd.reset();
}

// One end of a connection.
struct Side {
  UniqueFd fd;
  EventLoop::Watch watch;
  std::uint32_t watched = 0;
  std::string pending;      // to be written to this side
  std::size_t written = 0;  // of pending
  bool read_done = false;   // its end of file was seen
  bool write_done = false;  // we have passed one on to it

  [[nodiscard]] bool idle() const { return written == pending.size(); }
};

enum class Outcome { kGoesOn, kEnded, kBroken };

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// Writes what is kept for `to`; false if it is broken.
bool flush(Side& to) {
  while (!to.idle()) {
    const ssize_t count =
        ::send(to.fd.get(), to.pending.data() + to.written, to.pending.size() - to.written, MSG_NOSIGNAL);
    if (count < 0) return would_block(errno);
    to.written += static_cast<std::size_t>(count);
  }
  to.pending = {};  // not clear(): a quiet connection shall hold no memory
  to.written = 0;
  return true;
}

// Reads from `from` as much as `to` takes; false if one of them is broken.
bool pump(Side& from, Side& to, std::vector<char>& scratch, std::uint64_t& bytes) {
  for (int round = 0; round < kRoundsPerTurn && !from.read_done && to.idle(); ++round) {
    const ssize_t count = ::recv(from.fd.get(), scratch.data(), scratch.size(), 0);
    if (count < 0) return would_block(errno);
    if (count == 0) {
      from.read_done = true;
      return true;
    }
    const auto size = static_cast<std::size_t>(count);
    bytes += size;
    const ssize_t sent = ::send(to.fd.get(), scratch.data(), size, MSG_NOSIGNAL);
    if (sent < 0 && !would_block(errno)) return false;
    const auto taken = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    if (taken < size) to.pending.assign(scratch.data() + taken, size - taken);
    if (size < scratch.size()) return true;  // that was all there was: spare the read that says so
  }
  return true;
}

void pass_on_end(const Side& from, Side& to) {
  if (!from.read_done || !to.idle() || to.write_done) return;
  (void)::shutdown(to.fd.get(), SHUT_WR);
  to.write_done = true;
}

}  // namespace

class Relay::Impl {
 public:
  Impl(EventLoop& loop, RelayPlan plan) : loop_(loop), plan_(std::move(plan)), scratch_(kScratchBytes) {}

  Result<void> listen();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] Stats stats() const {
    Stats stats = stats_;
    stats.open = connections_.size();
    return stats;
  }

 private:
  struct Connection {
    Side client;
    Side inner;
    bool connecting = true;
    std::list<Connection>::iterator self;
  };

  void resume_listening();
  void accept_some();
  void open(UniqueFd client);
  Result<void> check_owner(const Connection& connection);
  Result<void> connect_inner(Connection& connection);
  void finish_connect(Connection& connection);
  void turn(Connection& connection);
  Outcome move(Connection& connection);
  Result<void> watch_all(Connection& connection);
  Result<void> watch(Connection& connection, Side& side, std::uint32_t events);
  void end(Connection& connection, bool reset);
  void failed(const Error& error);

  EventLoop& loop_;
  RelayPlan plan_;
  std::vector<char> scratch_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  EventLoop::Watch listening_;
  EventLoop::Watch retry_;
  std::list<Connection> connections_;
  Stats stats_;
};

Result<void> Relay::Impl::listen() {
  listener_ = TRY(sys::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK));
  sockaddr_in address = loopback(plan_.port);
  const std::string name = "127.0.0.1:" + std::to_string(plan_.port);
  if (::bind(listener_.get(), as_sockaddr(address), sizeof address) != 0) return fail_errno("bind " + name);
  if (::listen(listener_.get(), kBacklog) != 0) return fail_errno("listen on " + name);
  socklen_t length = sizeof address;
  if (::getsockname(listener_.get(), as_sockaddr(address), &length) != 0) return fail_errno("getsockname");
  port_ = ntohs(address.sin_port);
  listening_ = TRY(loop_.on_fd(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_some(); }));
  return {};
}

void Relay::Impl::resume_listening() {
  retry_.reset();
  if (listening_.active() || connections_.size() >= plan_.max_connections) return;
  auto watch = loop_.on_fd(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_some(); });
  if (watch) listening_ = *std::move(watch);
}

void Relay::Impl::accept_some() {
  while (connections_.size() < plan_.max_connections) {
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client) {
      ++stats_.accepted;
      open(std::move(client));
      continue;
    }
    if (errno == ECONNABORTED || errno == EINTR) continue;
    if (would_block(errno)) return;
    // No descriptors or memory: the connection stays in the backlog, where it would wake us again at once.
    failed(fail_errno("accepting a connection").value());
    listening_.reset();
    auto retry = loop_.after(kRetryAccept, [this] { resume_listening(); });
    if (retry) retry_ = *std::move(retry);
    return;
  }
  listening_.reset();
}

void Relay::Impl::open(UniqueFd client) {
  set_option(client.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  Connection& connection = connections_.emplace_back();
  connection.self = std::prev(connections_.end());
  connection.client.fd = std::move(client);
  auto connected = check_owner(connection);
  if (connected) connected = connect_inner(connection);
  if (connected) return;
  ++stats_.failed;
  failed(connected.error());
  end(connection, true);
}

Result<void> Relay::Impl::check_owner(const Connection& connection) {
  if (!plan_.owner) return {};
  const auto uid = peer_uid(connection.client.fd.get());
  if (!uid || *uid == *plan_.owner || *uid == 0) return {};
  ++stats_.strangers;
  return fail("user id " + std::to_string(*uid) + " knocked at the API server's door, which is for " +
              std::to_string(*plan_.owner));
}

Result<void> Relay::Impl::connect_inner(Connection& connection) {
  connection.inner.fd = TRY_WHILE("a socket in the cluster's network", plan_.inner());
  const int fd = connection.inner.fd.get();
  TRY(sys::set_nonblocking(fd, true));
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  sockaddr_in address = loopback(plan_.inner_port);
  if (::connect(fd, as_sockaddr(address), sizeof address) != 0 && errno != EINPROGRESS)
    return fail_errno("connecting to the API server inside");
  return watch(connection, connection.inner, EPOLLOUT);
}

void Relay::Impl::finish_connect(Connection& connection) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(connection.inner.fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) {
    ++stats_.failed;
    failed(fail_errno("connecting to the API server inside", error).value());
    return end(connection, true);
  }
  connection.connecting = false;
  turn(connection);
}

void Relay::Impl::turn(Connection& connection) {
  if (connection.connecting) return finish_connect(connection);
  const Outcome outcome = move(connection);
  if (outcome != Outcome::kGoesOn) return end(connection, outcome == Outcome::kBroken);
  if (auto watched = watch_all(connection); !watched) {
    failed(watched.error());
    end(connection, true);
  }
}

Outcome Relay::Impl::move(Connection& connection) {
  Side& client = connection.client;
  Side& inner = connection.inner;
  if (!flush(client) || !flush(inner)) return Outcome::kBroken;
  if (!pump(client, inner, scratch_, stats_.inward_bytes)) return Outcome::kBroken;
  if (!pump(inner, client, scratch_, stats_.outward_bytes)) return Outcome::kBroken;
  pass_on_end(client, inner);
  pass_on_end(inner, client);
  return client.write_done && inner.write_done ? Outcome::kEnded : Outcome::kGoesOn;
}

Result<void> Relay::Impl::watch_all(Connection& connection) {
  const auto wanted = [](const Side& side, const Side& other) {
    return (!side.read_done && other.idle() ? std::uint32_t{EPOLLIN} : 0U) |
           (side.idle() ? 0U : std::uint32_t{EPOLLOUT});
  };
  TRY(watch(connection, connection.client, wanted(connection.client, connection.inner)));
  return watch(connection, connection.inner, wanted(connection.inner, connection.client));
}

Result<void> Relay::Impl::watch(Connection& connection, Side& side, std::uint32_t events) {
  if (side.watched == events) return {};
  side.watch.reset();
  side.watched = 0;
  if (events == 0) return {};
  side.watch = TRY(loop_.on_fd(side.fd.get(), events, [this, &connection](std::uint32_t) { turn(connection); }));
  side.watched = events;
  return {};
}

void Relay::Impl::end(Connection& connection, bool reset) {
  for (Side* side : {&connection.client, &connection.inner}) {
    side->watch.reset();  // before its descriptor
    if (reset) close_with_reset(side->fd);
  }
  connections_.erase(connection.self);
  resume_listening();
}

void Relay::Impl::failed(const Error& error) {
  if (plan_.on_error) plan_.on_error(error);
}

Relay::Relay(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Relay::Relay(Relay&&) noexcept = default;
Relay::~Relay() = default;

Result<Relay> Relay::start(EventLoop& loop, RelayPlan plan) {
  auto impl = std::make_unique<Impl>(loop, std::move(plan));
  TRY_WHILE("the API server's door on the host", impl->listen());
  return Relay(std::move(impl));
}

std::uint16_t Relay::port() const { return impl_->port(); }
Relay::Stats Relay::stats() const { return impl_->stats(); }

}  // namespace sublet::launcher
