// SPDX-License-Identifier: Apache-2.0
#include "tests/support/knocker.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <deque>

#include "base/log.h"
#include "base/strings.h"

namespace sublet::test {
namespace {

using bypass::Doors;

void reset(UniqueFd connection) {
  const linger now{1, 0};
  (void)::setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

// One direction; ends with the reader's end of file, which is passed on.
bool copy_some(int from, int to) {
  std::array<char, 65536> buffer;
  const ssize_t count = ::recv(from, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0) return errno == EAGAIN;
  if (count == 0) {
    (void)::shutdown(to, SHUT_WR);
    return false;
  }
  for (ssize_t done = 0; done < count;) {
    const ssize_t sent = ::send(to, buffer.data() + done, static_cast<std::size_t>(count - done), MSG_NOSIGNAL);
    if (sent > 0) done += sent;
    if (sent < 0 && errno != EAGAIN) return false;
    pollfd room{to, POLLOUT, 0};
    if (sent < 0) (void)::poll(&room, 1, 1000);
  }
  return true;
}

void relay(UniqueFd left, UniqueFd right) {
  bool open[2] = {true, true};
  while (open[0] || open[1]) {
    pollfd both[] = {{open[0] ? left.get() : -1, POLLIN, 0}, {open[1] ? right.get() : -1, POLLIN, 0}};
    if (::poll(both, 2, -1) < 0) return;
    if (both[0].revents != 0) open[0] = copy_some(left.get(), right.get());
    if (both[1].revents != 0) open[1] = copy_some(right.get(), left.get());
  }
}

// One port's connections, in the order in which they came.
class Port : public std::enable_shared_from_this<Port> {
 public:
  Port(Doors& doors, std::shared_ptr<bypass::Pod> pod, KnockerPort port)
      : doors_(doors), pod_(std::move(pod)), port_(port) {}

  Result<void> listen() {
    listener_ = UniqueFd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    const int off = 0;
    (void)::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)::setsockopt(listener_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    TRY(Doors::guard(listener_.get()));
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(port_.host);
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return fail_errno("bind");
    if (::listen(listener_.get(), 4096) != 0) return fail_errno("listen");
    doors_.open(pod_, port_.pod.port);
    return {};
  }

  void accept_all() {
    for (;;) {
      UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!connection) continue;
      {
        std::lock_guard lock(mutex_);
        queue_.push_back(std::move(connection));
      }
      pump();
    }
  }

 private:
  void pump() {
    std::lock_guard lock(mutex_);
    while (!queue_.empty()) {
      auto done = [self = shared_from_this()](Doors::Outcome outcome, UniqueFd connection, UniqueFd bell) {
        if (outcome == Doors::Outcome::kRelay)
          std::thread(relay, std::move(connection), std::move(bell)).detach();
        else if (outcome != Doors::Outcome::kHanded)
          reset(std::move(connection));
        // Without the lock, which whoever knocks holds, for those who found room at once, which is nearly all.
        if (self->refused_.exchange(false)) self->pump();
      };
      // There may be room again by the time that this is seen.
      for (int tries = 0; !doors_.knock(pod_, port_.pod, queue_.front(), done); ++tries) {
        if (tries > 0) return;
        refused_ = true;
      }
      refused_ = false;
      queue_.pop_front();
    }
  }

  Doors& doors_;
  std::shared_ptr<bypass::Pod> pod_;
  KnockerPort port_;
  UniqueFd listener_;
  std::mutex mutex_;
  std::atomic<bool> refused_{false};  // somebody waits in the queue for the next who is done
  std::deque<UniqueFd> queue_;
};

}  // namespace

Result<KnockerPort> knocker_port(const std::string& text, const std::string& address) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return fail("a door is HOST_PORT:POD_PORT");
  const auto host = parse_int<std::uint16_t>(text.substr(0, colon));
  const auto pod = parse_int<std::uint16_t>(text.substr(colon + 1));
  const auto ip = parse_ip(address);
  if (!host || !pod || !ip) return fail("a door is HOST_PORT:POD_PORT");
  KnockerPort port;
  port.host = *host;
  port.pod.address = *ip;
  port.pod.port = *pod;
  return port;
}

void start_knocker(Doors& doors, const std::shared_ptr<bypass::Pod>& pod, const std::vector<KnockerPort>& ports) {
  for (const KnockerPort& each : ports) {
    auto port = std::make_shared<Port>(doors, pod, each);
    if (auto listens = port->listen(); !listens) {
      log::error("knocker: {}", listens.error().what);
      continue;
    }
    std::thread([port] { port->accept_all(); }).detach();
  }
}

}  // namespace sublet::test
