// SPDX-License-Identifier: Apache-2.0
#include "bypass/port_listener.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "bypass/endpoint.h"

using namespace sublet;
using namespace sublet::bypass;

namespace {

const IpAddress kLoopback = *parse_ip("127.0.0.1");

int connect_to(std::uint16_t port) {
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const RawAddress to = raw_address(kLoopback, port);
  return ::connect(client.get(), to.get(), to.length) == 0 ? 0 : errno;
}

// Another program that would have the number, and knows all tricks.
int take(std::uint16_t port) {
  const UniqueFd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  (void)::setsockopt(other.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  (void)::setsockopt(other.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  const RawAddress name = raw_address(kLoopback, port);
  if (::bind(other.get(), name.get(), name.length) != 0) return errno;
  return ::listen(other.get(), 1) == 0 ? 0 : errno;
}

}  // namespace

TEST_CASE("port listener: it refuses until it is to answer, and again after that, and keeps its number", "[bypass]") {
  auto port = PortListener::bind(kLoopback, 0, 0);
  REQUIRE(port);
  REQUIRE(port->port() != 0);
  for (int round = 0; round < 3; ++round) {
    CHECK(connect_to(port->port()) == ECONNREFUSED);
    CHECK(take(port->port()) == EADDRINUSE);
    REQUIRE(port->answer(true));
    CHECK(port->answers());
    CHECK(connect_to(port->port()) == 0);
    const UniqueFd accepted(::accept4(port->fd(), nullptr, nullptr, SOCK_CLOEXEC));
    CHECK(accepted);
    CHECK(take(port->port()) == EADDRINUSE);
    REQUIRE(port->answer(false));
  }
}

TEST_CASE("port listener: the number can be had again beside its connections, if nobody else has it", "[bypass]") {
  UniqueFd accepted;
  std::uint16_t number = 0;
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  {
    auto port = PortListener::bind(kLoopback, 0, 0);
    REQUIRE(port);
    REQUIRE(port->answer(true));
    number = port->port();
    const RawAddress to = raw_address(kLoopback, number);
    REQUIRE(::connect(client.get(), to.get(), to.length) == 0);
    accepted = UniqueFd(::accept4(port->fd(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(accepted);
  }
  {
    const auto again = PortListener::bind(kLoopback, 0, number);
    REQUIRE(again);
    CHECK(again->port() == number);
    const auto second = PortListener::bind(kLoopback, 0, number);
    REQUIRE(second);
    CHECK(second->port() != number);
  }
}

TEST_CASE("port listener: what cannot be had says why, and what to do about it", "[bypass]") {
  const auto port = PortListener::bind(kLoopback, 0, 0);
  REQUIRE(port);
  const auto taken = PortListener::bind(kLoopback, port->port(), 0);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().what.find("is taken by another program") != std::string::npos);
  const auto elsewhere = PortListener::bind(*parse_ip("192.0.2.77"), 0, 0);
  REQUIRE_FALSE(elsewhere);
  CHECK(elsewhere.error().what.find("is no address of this host") != std::string::npos);
  if (::geteuid() == 0) return;  // who may
  const auto privileged = PortListener::bind(kLoopback, 7, 0);
  if (privileged) return;  // a host that lets everybody
  CHECK(privileged.error().what == "port 7 is one that this host gives to root alone");
  CHECK(privileged.error().hint.find("network.port_offset") != std::string::npos);
}
