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

#include <atomic>
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
  return ::poll(&poll, 1, 10'000) == 1;
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
    CHECK(look_at(bell.socket.get(), connected) == Rung::kWaits);  // that it was reset is no news of the next ring
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

namespace {

// Nobody looks whether he got a bell of his own, however long the test is kept from going on.
constexpr std::chrono::milliseconds kNeverMind = std::chrono::hours(1);

// A door of a pod whose sockets are of our own namespace.
struct OwnDoor {
  explicit OwnDoor(const Place& place, std::chrono::milliseconds first_look = kNeverMind) : at(place.at) {
    for (int i = 0; i < 48; ++i) pod->v4.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    doors = *Doors::start(sockets, first_look);
    doors->open(pod, at.port);
    door = Doors::find(*pod, at.port);
  }
  // The number of the connection that it knocks with; what is accepted has the same.
  int knock() {
    UniqueFd connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int number = connection.get();
    REQUIRE(doors->knock(pod, at, connection, {}));
    return number;
  }
  void comes(const Doors::Acceptor& who, int times = 1) {
    std::lock_guard lock(door->mutex);
    for (int i = 0; i < times; ++i) Doors::comes(*door, who);
  }
  // What is given ahead of the queue; -1: nothing. Kept, so that its number is its own.
  int next(const Doors::Acceptor& who) {
    std::lock_guard lock(door->mutex);
    Doors::comes(*door, who);
    return keep(doors->next(*pod, *door, who));
  }
  // What the queue has.
  int accept(const Doors::Acceptor& who, int listener) {
    RawAddress from;
    from.length = sizeof from.storage;
    kept_ends.emplace_back(
        ::accept4(listener, reinterpret_cast<sockaddr*>(&from.storage), &from.length, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!kept_ends.back()) return -1;
    std::lock_guard lock(door->mutex);
    return keep(doors->answered(*pod, *door, who, endpoint_of(from).value_or(Endpoint{})));
  }
  int keep(std::optional<Waiting> waiting) {
    if (!waiting) return -1;
    kept.push_back(std::move(*waiting));
    return kept.back().connection.get();
  }

  const Endpoint at;
  std::shared_ptr<Pod> pod = std::make_shared<Pod>(Record{}, UniqueFd(), 1);
  PodSockets sockets;
  std::unique_ptr<Doors> doors;
  std::shared_ptr<Door> door;
  std::vector<Waiting> kept;
  std::vector<UniqueFd> kept_ends;
};

constexpr Doors::Acceptor kOne{1, 11};
constexpr Doors::Acceptor kOther{2, 11};

// It accepts alone, and bells reach it.
void be_alone(OwnDoor& own, const Place& place) {
  own.comes(kOne, 16);
  const int first = own.knock();
  REQUIRE(readable(place.listener.get()));
  REQUIRE(own.accept(kOne, place.listener.get()) == first);
}

}  // namespace

TEST_CASE("doors: one bell rings for all who come, where one thread accepts", "[bypass]") {
  const Place place = listening(128);
  OwnDoor own(place);
  be_alone(own, place);
  const int second = own.knock();
  const int third = own.knock();
  const int fourth = own.knock();
  CHECK(own.next(kOne) == second);
  CHECK(own.next(kOne) == third);
  CHECK(own.next(kOne) == -1);  // the last one has the bell
  CHECK(readable(place.listener.get()));
  CHECK(own.accept(kOne, place.listener.get()) == fourth);
  CHECK(own.accept(kOne, place.listener.get()) == -1);
}

TEST_CASE("doors: the queue, with the pod's own clients, has its turn", "[bypass]") {
  const Place place = listening(128);
  OwnDoor own(place);
  be_alone(own, place);
  for (int i = 0; i < 20; ++i) (void)own.knock();
  int ahead = 0;
  while (own.next(kOne) != -1) ++ahead;
  CHECK(ahead == 16);
  CHECK(own.accept(kOne, place.listener.get()) != -1);
}

TEST_CASE("doors: where others accept as well, each gets a bell", "[bypass]") {
  const Place place = listening(128);
  OwnDoor own(place);
  be_alone(own, place);
  const int second = own.knock();
  const int third = own.knock();
  CHECK(own.next(kOther) == -1);
  CHECK(own.accept(kOther, place.listener.get()) == second);
  own.doors->ring_for_next(own.pod, own.door);
  REQUIRE(readable(place.listener.get()));
  CHECK(own.accept(kOther, place.listener.get()) == third);
  // And from then on at once.
  (void)own.knock();
  (void)own.knock();
  CHECK(own.accept(kOther, place.listener.get()) != -1);
  CHECK(own.accept(kOther, place.listener.get()) != -1);
}

TEST_CASE("doors: whoever is not asked for gets a bell of his own soon", "[bypass]") {
  const Place place = listening(128);
  OwnDoor own(place, Doors::kFirstLook);
  be_alone(own, place);
  for (int i = 0; i < 3; ++i) (void)own.knock();
  int heard = 0;
  for (int i = 0; i < 3 && readable(place.listener.get()); ++i)
    if (own.accept(kOne, place.listener.get()) != -1) ++heard;
  CHECK(heard == 3);
}

TEST_CASE("doors: who waits to be answered needs no bell", "[bypass]") {
  const Place place = listening(128);
  OwnDoor own(place);
  std::atomic<int> told{0};
  own.doors->when_awaited([&] { ++told; });
  be_alone(own, place);
  own.door->parked = 1;
  const int second = own.knock();
  CHECK(told == 1);
  CHECK(own.next(kOne) == second);
  CHECK(own.next(kOne) == -1);
  pollfd poll{place.listener.get(), POLLIN, 0};
  CHECK(::poll(&poll, 1, 50) == 0);
}

TEST_CASE("doors: if who waits has gone meanwhile, it rings after all", "[bypass]") {
  const Place place = listening(128);
  OwnDoor own(place, Doors::kFirstLook);
  be_alone(own, place);
  own.door->parked = 1;
  (void)own.knock();
  CHECK(readable(place.listener.get()));
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
