// SPDX-License-Identifier: Apache-2.0
// Doorbells at listeners of our own loopback, and what a bell is told. How programs are handed connections,
// integration/bypass_doors_test.cc shows.
#include "bypass/doors.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstring>

#include "bypass/door.h"
#include "bypass/doorbell.h"

using namespace sublet;
using namespace sublet::bypass;

namespace {

struct Place {
  UniqueFd listener;
  Endpoint at;
};

Place listening(int backlog = 16) {
  Place place;
  place.listener = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(place.listener.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
  REQUIRE(::listen(place.listener.get(), backlog) == 0);
  socklen_t size = sizeof name;
  REQUIRE(::getsockname(place.listener.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
  place.at.address = *parse_ip("127.0.0.1");
  place.at.port = ntohs(name.sin_port);
  return place;
}

Bell new_bell() {
  Bell bell{UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), *parse_ip("127.0.0.1"), 0};
  bell.port = make_bell(bell.socket.get(), bell.address);
  REQUIRE(bell.port != 0);
  return bell;
}

UniqueFd diag() { return UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)); }

bool readable(int fd) {
  pollfd poll{fd, POLLIN, 0};
  return ::poll(&poll, 1, 1000) == 1;
}

}  // namespace

TEST_CASE("doors: half a backlog is for bells, at least one, at most 64", "[bypass]") {
  const std::pair<int, std::size_t> cases[] = {{-1, 1}, {0, 1},    {1, 1},    {2, 1},
                                               {5, 2},  {128, 64}, {129, 64}, {4096, 64}};
  for (const auto& [backlog, window] : cases) {
    INFO(backlog);
    CHECK(window_of(backlog) == window);
  }
}

TEST_CASE("doors: a bell wakes its listener, is told apart, and rings again after hanging up", "[bypass]") {
  const Place place = listening();
  const Bell bell = new_bell();
  const UniqueFd questions = diag();
  for (int round = 0; round < 3; ++round) {
    REQUIRE(ring(bell.socket.get(), place.at) == 0);
    REQUIRE(readable(place.listener.get()));
    bool connected = false;
    CHECK(look_at(bell.socket.get(), connected) == Rung::kWaits);
    CHECK(connected);
    CHECK(look_at_other_end(questions.get(), place.at, bell.port) == Rung::kWaits);
    const UniqueFd end(::accept4(place.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(end);
    CHECK(look_at_other_end(questions.get(), place.at, bell.port) == Rung::kTaken);
    REQUIRE(hang_up(bell.socket.get()));
    char byte = 0;
    CHECK(::recv(end.get(), &byte, 1, MSG_DONTWAIT) < 0);
    CHECK(errno == ECONNRESET);
  }
}

TEST_CASE("doors: a bell knows of nobody, of a listener that closes, and of a program that spoke or ended",
          "[bypass]") {
  bool connected = false;
  Place place = listening();
  const Bell bell = new_bell();
  REQUIRE(ring(bell.socket.get(), place.at) == 0);
  place.listener.reset();
  CHECK(look_at(bell.socket.get(), connected) == Rung::kLost);
  const Bell next = new_bell();
  CHECK(look_at(next.socket.get(), connected) == Rung::kWaits);  // before it rings
  REQUIRE(ring(next.socket.get(), place.at) == 0);
  CHECK(look_at(next.socket.get(), connected) == Rung::kRefused);

  const Place other = listening();
  for (const bool speaks : {true, false}) {
    const Bell again = new_bell();
    REQUIRE(ring(again.socket.get(), other.at) == 0);
    UniqueFd end(::accept4(other.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (speaks)
      CHECK(::send(end.get(), "x", 1, 0) == 1);
    else
      end.reset();
    REQUIRE(readable(again.socket.get()));
    CHECK(look_at(again.socket.get(), connected) == Rung::kTaken);
  }
}

TEST_CASE("doors: a bell is found a port where relays have taken all of the usual ones", "[bypass]") {
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  const rlimit usual = files;
  files.rlim_cur = files.rlim_max;
  if (files.rlim_max < 6000) {
    std::printf("skipped: no more than %lu open files\n", static_cast<unsigned long>(files.rlim_max));
    return;
  }
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
  std::vector<UniqueFd> taken;
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int port = kFirstBellPort; port < 65536; ++port) {
    taken.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    name.sin_port = htons(static_cast<std::uint16_t>(port));
    (void)::bind(taken.back().get(), reinterpret_cast<sockaddr*>(&name), sizeof name);
  }
  const Place place = listening();
  const Bell bell = new_bell();
  CHECK(bell.port < kFirstBellPort);
  CHECK(ring(bell.socket.get(), place.at) == 0);
  CHECK(readable(place.listener.get()));
  taken.clear();
  (void)::setrlimit(RLIMIT_NOFILE, &usual);
}

TEST_CASE("doors: a full backlog keeps a bell waiting, as it does anybody", "[bypass]") {
  const Place place = listening(0);
  std::vector<Bell> bells;
  bool all_connected = true;
  for (int i = 0; i < 4; ++i) {
    bells.push_back(new_bell());
    REQUIRE(ring(bells.back().socket.get(), place.at) == 0);
    bool connected = false;
    CHECK(look_at(bells.back().socket.get(), connected) == Rung::kWaits);
    all_connected = all_connected && connected;
  }
  CHECK_FALSE(all_connected);
}

TEST_CASE("doors: a listener that defers is told from one that waits", "[bypass]") {
  const Place place = listening();
  const int seconds = 5;
  REQUIRE(::setsockopt(place.listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds) == 0);
  const Bell bell = new_bell();
  REQUIRE(ring(bell.socket.get(), place.at) == 0);
  CHECK(look_at_other_end(diag().get(), place.at, bell.port) == Rung::kDeferred);
}

TEST_CASE("doors: what the kernel says of the other end is read with care", "[bypass]") {
  struct {
    nlmsghdr header;
    inet_diag_msg found;
  } answer{};
  auto seen = [&](std::size_t size = sizeof answer) {
    return other_end(std::span(reinterpret_cast<const std::byte*>(&answer), size), 4000);
  };
  answer.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  answer.found.id.idiag_dport = htons(4000);
  answer.found.idiag_state = TCP_ESTABLISHED;
  CHECK(seen() == Rung::kWaits);
  answer.found.idiag_inode = 17;
  CHECK(seen() == Rung::kTaken);
  CHECK(seen(sizeof answer - 1) == Rung::kWaits);
  CHECK(seen(0) == Rung::kWaits);
  answer.found.id.idiag_dport = 0;  // the listener itself
  CHECK(seen() == Rung::kWaits);
  answer.found.id.idiag_dport = htons(4000);
  answer.header.nlmsg_type = NLMSG_ERROR;
  CHECK(seen() == Rung::kWaits);
  answer.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  answer.found.idiag_state = TCP_SYN_RECV;
  answer.found.idiag_inode = 0;
  CHECK(seen() == Rung::kDeferred);
}
