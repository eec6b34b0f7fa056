// SPDX-License-Identifier: Apache-2.0
// The relay between real sockets on loopback: its own event loop in a thread, servers and clients beside it.
#include "launcher/api/relay.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <future>

#include "launcher/api/peer.h"
#include "tests/support/loopback.h"

namespace sublet::launcher {
namespace {

using test::connect_to;
using test::readable;
using test::receive;
using test::send_all;
using test::Server;

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kAll = std::size_t{1} << 40;
constexpr int kLongMs = 5'000;

Result<UniqueFd> own_socket() { return sys::socket(AF_INET, SOCK_STREAM); }

// A relay with its loop, in a thread.
class Running {
 public:
  explicit Running(std::uint16_t inner_port, std::size_t limit = kMaxRelayConnections, SocketSource source = own_socket,
                   std::optional<uid_t> owner = std::nullopt) {
    stop_.reset(::eventfd(0, EFD_CLOEXEC));
    std::promise<std::uint16_t> started;
    auto port = started.get_future();
    thread_ = std::thread([this, inner_port, limit, source, owner, &started] {
      auto loop = *EventLoop::create();
      auto relay = *Relay::start(loop, {.inner = source,
                                        .inner_port = inner_port,
                                        .max_connections = limit,
                                        .owner = owner,
                                        .on_error = [this](const Error& error) {
                                          const std::lock_guard lock(mutex_);
                                          errors_.push_back(error.what);
                                        }});
      auto watch = loop.on_fd(stop_.get(), EPOLLIN, [&](std::uint32_t) { loop.stop(0); });
      started.set_value(relay.port());
      while (loop.run().value_or(0) != 0) {
      }
      last_ = relay.stats();
    });
    port_ = port.get();
  }
  ~Running() { finish(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  Relay::Stats finish() {
    if (thread_.joinable()) {
      const std::uint64_t one = 1;
      (void)!::write(stop_.get(), &one, sizeof one);
      thread_.join();
    }
    return last_;
  }
  std::vector<std::string> errors() {
    const std::lock_guard lock(mutex_);
    return errors_;
  }
  // CPU time that the loop has used.
  std::chrono::nanoseconds cpu() {
    clockid_t clock{};
    timespec used{};
    REQUIRE(::pthread_getcpuclockid(thread_.native_handle(), &clock) == 0);
    REQUIRE(::clock_gettime(clock, &used) == 0);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
  }

 private:
  UniqueFd stop_;
  std::thread thread_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> errors_;
  Relay::Stats last_;
};

void echo(int fd) {
  std::vector<char> buffer(kMiB / 4);
  for (;;) {
    const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (count <= 0 || !send_all(fd, {buffer.data(), static_cast<std::size_t>(count)})) return;
  }
}

std::string pattern(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  for (char& c : text) {
    seed = seed * 1664525 + 1013904223;
    c = static_cast<char>(seed >> 24);
  }
  return text;
}

TEST_CASE("relay: 200 connections at once, each with its own bytes", "[relay]") {
  Server server(echo);
  Running relay(server.port());
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(connect_to(relay.port()));
  for (unsigned i = 0; i < clients.size(); ++i) REQUIRE(send_all(clients[i].get(), pattern(30'000, i)));
  for (unsigned i = 0; i < clients.size(); ++i) CHECK(receive(clients[i].get(), 30'000) == pattern(30'000, i));
  clients.clear();
  const Relay::Stats stats = relay.finish();
  CHECK(stats.accepted == 200);
  CHECK(stats.failed == 0);
  CHECK(stats.inward_bytes == 200 * 30'000);
  CHECK(stats.outward_bytes == 200 * 30'000);
}

TEST_CASE("relay: a client that has said all still gets its answer", "[relay]") {
  Server server([](int fd) {
    const std::string question = receive(fd, kAll / 1024 / 1024);
    send_all(fd, std::to_string(question.size()) + " bytes");
  });
  Running relay(server.port());
  const UniqueFd client = connect_to(relay.port());
  REQUIRE(send_all(client.get(), pattern(300'000, 1)));
  REQUIRE(::shutdown(client.get(), SHUT_WR) == 0);
  CHECK(receive(client.get(), 100) == "300000 bytes");
}

TEST_CASE("relay: a server that has said all still hears its client", "[relay]") {
  std::promise<std::string> heard;
  Server server([&](int fd) {
    send_all(fd, "that is all");
    (void)::shutdown(fd, SHUT_WR);
    heard.set_value(receive(fd, kMiB));
  });
  Running relay(server.port());
  const UniqueFd client = connect_to(relay.port());
  CHECK(receive(client.get(), 100) == "that is all");
  REQUIRE(send_all(client.get(), pattern(200'000, 2)));
  REQUIRE(::shutdown(client.get(), SHUT_WR) == 0);
  CHECK(heard.get_future().get() == pattern(200'000, 2));
}

TEST_CASE("relay: much in both directions at once arrives whole", "[relay]") {
  const std::string up = pattern(48 * kMiB, 3);
  const std::string down = pattern(48 * kMiB, 4);
  std::promise<bool> right;
  Server server([&](int fd) {
    std::thread sender([&] {
      send_all(fd, down);
      (void)::shutdown(fd, SHUT_WR);
    });
    right.set_value(receive(fd, up.size() + 1) == up);
    sender.join();
  });
  Running relay(server.port());
  const UniqueFd client = connect_to(relay.port());
  std::thread sender([&] {
    send_all(client.get(), up);
    (void)::shutdown(client.get(), SHUT_WR);
  });
  CHECK((receive(client.get(), down.size() + 1) == down));
  sender.join();
  CHECK(right.get_future().get());
}

TEST_CASE("relay: a reader that pauses holds its sender back, and nobody else", "[relay]") {
  const std::string much = pattern(64 * kMiB, 5);
  std::atomic<std::size_t> sent{0};
  Server server([&](int fd) {
    for (std::size_t at = 0; at < much.size(); at += kMiB) {
      if (!send_all(fd, std::string_view(much).substr(at, kMiB))) return;
      sent += kMiB;
    }
  });
  Running relay(server.port());
  const UniqueFd lazy = connect_to(relay.port());
  const UniqueFd quick = connect_to(relay.port());
  CHECK((receive(quick.get(), much.size()) == much));
  const auto cpu = relay.cpu();
  (void)::poll(nullptr, 0, 300);
  CHECK(relay.cpu() - cpu < std::chrono::milliseconds(30));  // it waits, and does not spin
  CHECK(sent < much.size() + 32 * kMiB);                     // quick's, and what lazy's sockets hold
  CHECK((receive(lazy.get(), much.size()) == much));
}

TEST_CASE("relay: a reset goes through as a reset, either way", "[relay]") {
  SECTION("by the server") {
    Server server([](int fd) {
      (void)receive(fd, 1);
      test::reset_connection(fd);
    });
    Running relay(server.port());
    const UniqueFd client = connect_to(relay.port());
    REQUIRE(send_all(client.get(), "x"));
    int error = 0;
    CHECK(receive(client.get(), 1, &error).empty());
    CHECK(error == ECONNRESET);
  }
  SECTION("by the client") {
    std::promise<int> seen;
    Server server([&](int fd) {
      int error = 0;
      (void)receive(fd, 100, &error);
      seen.set_value(error);
    });
    Running relay(server.port());
    UniqueFd client = connect_to(relay.port());
    REQUIRE(send_all(client.get(), "x"));
    (void)::poll(nullptr, 0, 50);
    test::reset_connection(client.get());
    client.reset();
    CHECK(seen.get_future().get() == ECONNRESET);
  }
}

TEST_CASE("relay: beyond the limit a connection waits for one to end", "[relay]") {
  Server server(echo);
  Running relay(server.port(), 3);
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(connect_to(relay.port()));
    REQUIRE(send_all(clients.back().get(), "hello"));
  }
  for (std::size_t i = 0; i < 3; ++i) CHECK(receive(clients[i].get(), 5) == "hello");
  CHECK_FALSE(readable(clients[3].get(), 200));
  clients[0].reset();
  REQUIRE(readable(clients[3].get(), kLongMs));
  CHECK(receive(clients[3].get(), 5) == "hello");
  CHECK_FALSE(readable(clients[4].get(), 100));
  clients[1].reset();
  CHECK(readable(clients[4].get(), kLongMs));
}

TEST_CASE("relay: an API server that is away costs one connection, not the relay", "[relay]") {
  std::uint16_t closed = 0;
  {
    Server server(echo);
    closed = server.port();
  }
  Running relay(closed);
  for (int i = 0; i < 3; ++i) {
    const UniqueFd client = connect_to(relay.port());
    REQUIRE(client);
    int error = 0;
    CHECK(receive(client.get(), 1, &error).empty());
    CHECK(error == ECONNRESET);
  }
  CHECK(relay.errors() == std::vector<std::string>(3, "connecting to the API server inside: Connection refused"));
  CHECK(relay.finish().failed == 3);
}

TEST_CASE("relay: no socket to be had from inside is told, and passes", "[relay]") {
  Server server(echo);
  std::atomic<bool> broken{true};
  Running relay(server.port(), kMaxRelayConnections, [&]() -> Result<UniqueFd> {
    if (broken) return fail("node-init is gone");
    return own_socket();
  });
  const UniqueFd first = connect_to(relay.port());
  CHECK(receive(first.get(), 1).empty());
  CHECK(relay.errors() == std::vector<std::string>{"a socket in the cluster's network: node-init is gone"});
  broken = false;
  const UniqueFd second = connect_to(relay.port());
  REQUIRE(send_all(second.get(), "x"));
  CHECK(receive(second.get(), 1) == "x");
}

TEST_CASE("relay: many quiet watches, half-closed ones too, cost nothing", "[relay]") {
  Server server([](int fd) {
    (void)receive(fd, 1);
    send_all(fd, "first event");
    pollfd both_ended{fd, 0, 0};  // stays open, and does not even look at its client's end
    (void)::poll(&both_ended, 1, 10'000);
  });
  Running relay(server.port());
  std::vector<UniqueFd> watches;
  for (int i = 0; i < 50; ++i) {
    watches.push_back(connect_to(relay.port()));
    REQUIRE(send_all(watches.back().get(), "w"));
    REQUIRE(receive(watches.back().get(), 11) == "first event");
    if (i % 2 == 0) REQUIRE(::shutdown(watches.back().get(), SHUT_WR) == 0);
  }
  (void)::poll(nullptr, 0, 50);
  const auto cpu = relay.cpu();
  (void)::poll(nullptr, 0, 500);
  CHECK(relay.cpu() - cpu < std::chrono::milliseconds(5));
}

TEST_CASE("relay: a port that is taken is an error; one that is asked for is used", "[relay]") {
  Server server(echo);
  auto loop = *EventLoop::create();
  const auto relay = Relay::start(loop, {.inner = own_socket, .port = server.port()});
  REQUIRE_FALSE(relay);
  CHECK(relay.error().is(EADDRINUSE));
  CHECK_THAT(relay.error().what, Catch::Contains("127.0.0.1:" + std::to_string(server.port())));
}

TEST_CASE("relay: it knows whose a connection is, and carries its owner's only", "[relay]") {
  Server server(echo);
  std::promise<std::optional<uid_t>> looked;
  Server looker([&](int fd) { looked.set_value(peer_uid(fd)); });
  const UniqueFd direct = connect_to(looker.port());
  const auto uid = looked.get_future().get();
  if (!uid) {
    std::puts("not tested: this kernel does not tell whose a connection is (no inet_diag)");
    return;
  }
  CHECK(*uid == ::getuid());
  {
    Running relay(server.port(), kMaxRelayConnections, own_socket, ::getuid());
    const UniqueFd client = connect_to(relay.port());
    REQUIRE(send_all(client.get(), "x"));
    CHECK(receive(client.get(), 1) == "x");
  }
  if (::getuid() == 0) return;  // root is let in everywhere
  Running relay(server.port(), kMaxRelayConnections, own_socket, ::getuid() + 1);
  const UniqueFd client = connect_to(relay.port());
  int error = 0;
  CHECK(receive(client.get(), 1, &error).empty());
  CHECK(error == ECONNRESET);
  CHECK(relay.finish().strangers == 1);
}

double gigabytes_per_second(std::uint16_t port) {
  const UniqueFd client = connect_to(port);
  const std::string chunk = pattern(kMiB, 6);
  std::vector<char> buffer(kMiB);
  constexpr std::size_t kTotal = 512 * kMiB;
  std::size_t left = kTotal;
  const auto start = std::chrono::steady_clock::now();
  while (left > 0) {
    const ssize_t count = ::recv(client.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0) return 0;
    left -= std::min(left, static_cast<std::size_t>(count));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return static_cast<double>(kTotal) / took.count() / 1e9;
}

// Not a benchmark: it tells a relay that works from one that crawls.
TEST_CASE("relay: a bulk transfer is not held up", "[relay]") {
  Server server([](int fd) {
    const std::string chunk = pattern(kMiB, 6);
    while (send_all(fd, chunk)) {
    }
  });
  Running relay(server.port());
  const double direct = gigabytes_per_second(server.port());
  const double relayed = gigabytes_per_second(relay.port());
  std::printf("relay: %.2f GB/s, direct %.2f GB/s\n", relayed, direct);
  CHECK(relayed > direct / 10);
}

}  // namespace
}  // namespace sublet::launcher
