// SPDX-License-Identifier: Apache-2.0
// The relay between real TCP connections of loopback.
#include "bypass/relay.h"

#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <numeric>
#include <string>

#include "bypass/endpoint.h"

using namespace sublet;
using namespace sublet::bypass;

namespace {

// Two ends of a connection.
std::pair<UniqueFd, UniqueFd> connection() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  RawAddress name = raw_address(*parse_ip("127.0.0.1"), 0);
  REQUIRE(::bind(listener.get(), name.get(), name.length) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name.storage), &name.length) == 0);
  UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(client.get(), name.get(), name.length) == 0);
  return {std::move(client), UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC))};
}

struct Carried {
  UniqueFd client;
  UniqueFd server;
};

Carried carried(Relay& relay, std::atomic<int>& ended) {
  auto [client, near] = connection();
  auto [far, server] = connection();
  relay.add(std::move(near), std::move(far), [&ended] { ++ended; });
  return {std::move(client), std::move(server)};
}

std::string read_some(int fd, std::size_t most = 4096) {
  pollfd waits{fd, POLLIN, 0};
  if (::poll(&waits, 1, 5000) != 1) return "(nothing)";
  std::string text(most, 0);
  const ssize_t count = ::recv(fd, text.data(), text.size(), 0);
  if (count < 0) return errno == ECONNRESET ? "(reset)" : "(error)";
  text.resize(static_cast<std::size_t>(count));
  return text;
}

void say(int fd, std::string_view text) {
  REQUIRE(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

void until(const std::atomic<int>& ended, int count) {
  for (int i = 0; i < 500 && ended != count; ++i) (void)::poll(nullptr, 0, 10);
  CHECK(ended == count);
}

std::size_t open_files() {
  std::size_t count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  REQUIRE(folder != nullptr);
  while (::readdir(folder) != nullptr) ++count;
  (void)::closedir(folder);
  return count;
}

}  // namespace

TEST_CASE("relay: bytes go both ways, and each end is told of the other's end", "[bypass]") {
  auto relay = Relay::start();
  REQUIRE(relay);
  std::atomic<int> ended{0};
  const Carried pair = carried(**relay, ended);
  say(pair.client.get(), "ping");
  CHECK(read_some(pair.server.get()) == "ping");
  say(pair.server.get(), "pong");
  CHECK(read_some(pair.client.get()) == "pong");
  // Half of it: the other way goes on.
  say(pair.client.get(), "last");
  REQUIRE(::shutdown(pair.client.get(), SHUT_WR) == 0);
  CHECK(read_some(pair.server.get()) == "last");
  CHECK(read_some(pair.server.get()).empty());
  say(pair.server.get(), "answer");
  CHECK(read_some(pair.client.get()) == "answer");
  CHECK(ended == 0);
  REQUIRE(::shutdown(pair.server.get(), SHUT_WR) == 0);
  CHECK(read_some(pair.client.get()).empty());
  until(ended, 1);
}

TEST_CASE("relay: what came before it, is carried too", "[bypass]") {
  auto relay = Relay::start();
  REQUIRE(relay);
  std::atomic<int> ended{0};
  auto [client, near] = connection();
  auto [far, server] = connection();
  say(client.get(), "early");
  REQUIRE(::shutdown(client.get(), SHUT_WR) == 0);
  (*relay)->add(std::move(near), std::move(far), [&ended] { ++ended; });
  CHECK(read_some(server.get()) == "early");
  CHECK(read_some(server.get()).empty());
}

TEST_CASE("relay: a reset is passed on, from either side", "[bypass]") {
  for (const bool by_client : {true, false}) {
    auto relay = Relay::start();
    REQUIRE(relay);
    std::atomic<int> ended{0};
    Carried pair = carried(**relay, ended);
    say(pair.client.get(), "x");
    CHECK(read_some(pair.server.get()) == "x");
    reset_connection(std::move(by_client ? pair.client : pair.server));
    CHECK(read_some(by_client ? pair.server.get() : pair.client.get()) == "(reset)");
    until(ended, 1);
  }
}

TEST_CASE("relay: who does not read holds up his own sender, and nobody else; and all arrives in order", "[bypass]") {
  auto relay = Relay::start();
  REQUIRE(relay);
  std::atomic<int> ended{0};
  const Carried slow = carried(**relay, ended);
  const Carried other = carried(**relay, ended);
  std::string block(1 << 16, 0);
  std::iota(block.begin(), block.end(), char(0));
  std::size_t sent = 0;
  for (int idle = 0; idle < 20;) {
    const std::size_t at = sent % block.size();
    const ssize_t count = ::send(slow.client.get(), block.data() + at, block.size() - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    idle = count > 0 ? 0 : idle + 1;
    if (count > 0) sent += static_cast<std::size_t>(count);
    if (count < 0) (void)::poll(nullptr, 0, 10);
    REQUIRE(sent < (std::size_t{1} << 30));  // somebody must hold it up
  }
  say(other.client.get(), "ping");
  CHECK(read_some(other.server.get()) == "ping");
  REQUIRE(::shutdown(slow.client.get(), SHUT_WR) == 0);
  std::size_t received = 0;
  bool same = true;
  for (;;) {
    const std::string some = read_some(slow.server.get(), 1 << 16);
    if (some.empty() || some == "(nothing)") break;
    for (const char c : some) same = same && c == block[received++ % block.size()];
  }
  CHECK(same);
  CHECK(received == sent);
}

TEST_CASE("relay: an idle pair has two descriptors, and none when it has ended", "[bypass]") {
  auto relay = Relay::start();
  REQUIRE(relay);
  std::atomic<int> ended{0};
  {
    const Carried first = carried(**relay, ended);
    say(first.client.get(), "x");
    CHECK(read_some(first.server.get()) == "x");
  }
  until(ended, 1);
  const std::size_t before = open_files();
  constexpr int kMany = 50;
  {
    std::vector<Carried> pairs;
    for (int i = 0; i < kMany; ++i) {
      pairs.push_back(carried(**relay, ended));
      say(pairs.back().client.get(), "x");
      CHECK(read_some(pairs.back().server.get()) == "x");
    }
    CHECK(open_files() <= before + kMany * 4);  // two are the test's own
  }
  until(ended, 1 + kMany);
  CHECK(open_files() == before);
}
