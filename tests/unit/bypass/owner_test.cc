// SPDX-License-Identifier: Apache-2.0
#include "bypass/owner.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace sublet;
using namespace sublet::bypass;

namespace {

Endpoint name_of(int socket, bool peer) {
  RawAddress raw;
  raw.length = sizeof raw.storage;
  auto* name = reinterpret_cast<sockaddr*>(&raw.storage);
  const int error = peer ? ::getpeername(socket, name, &raw.length) : ::getsockname(socket, name, &raw.length);
  REQUIRE(error == 0);
  return *endpoint_of(raw);
}

// A listener of loopback, of either family.
UniqueFd listener(int family) {
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const RawAddress name =
      family == AF_INET6 ? raw_address_v6(*parse_ip("127.0.0.1"), 0) : raw_address(*parse_ip("127.0.0.1"), 0);
  REQUIRE(::bind(socket.get(), name.get(), name.length) == 0);
  REQUIRE(::listen(socket.get(), 8) == 0);
  return socket;
}

}  // namespace

TEST_CASE("owner: only a socket that lives and says whose it is, is the owner's", "[bypass]") {
  const struct {
    TcpSocket peer;
    uid_t owner;
    bool is;
  } cases[] = {
      {{TCP_ESTABLISHED, 1000, 77}, 1000, true},
      {{TCP_CLOSE_WAIT, 1000, 77}, 1000, true},
      {{TCP_FIN_WAIT1, 1000, 0}, 1000, true},  // closed already; the kernel still knows
      {{TCP_ESTABLISHED, 1001, 77}, 1000, false},
      {{TCP_ESTABLISHED, 0, 77}, 1000, false},  // root's
      {{TCP_FIN_WAIT2, 0, 0}, 1000, false},     // a process's that has ended: whose is not known
      {{TCP_FIN_WAIT2, 0, 0}, 0, false},        // and not root's for that
      {{TCP_TIME_WAIT, 0, 0}, 0, false},
      {{TCP_LISTEN, 1000, 77}, 1000, false},  // a socket that merely has the number
      {{TCP_ESTABLISHED, 0, 77}, 0, true},
  };
  for (const auto& c : cases) {
    INFO(int(c.peer.state) << " " << c.peer.uid << " " << c.peer.inode);
    CHECK(is_owners(c.peer, c.owner) == c.is);
  }
}

TEST_CASE("owner: the kernel tells whose connection was accepted, by either family", "[bypass]") {
  auto check = OwnerCheck::create();
  REQUIRE(check);
  for (const int family : {AF_INET, AF_INET6}) {
    const UniqueFd listening = listener(family);
    const Endpoint own = name_of(listening.get(), false);
    UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const RawAddress to = raw_address(own.address, own.port);
    REQUIRE(::connect(client.get(), to.get(), to.length) == 0);
    const UniqueFd accepted(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const Endpoint peer = name_of(accepted.get(), true);
    CHECK(check->judge(peer, own).owner);
    Endpoint other = peer;
    other.port = own.port;
    CHECK_FALSE(check->judge(other, own).owner);
    Endpoint elsewhere = peer;
    elsewhere.address = *parse_ip("192.0.2.77");
    const auto verdict = check->judge(elsewhere, own);
    CHECK_FALSE(verdict.owner);
    CHECK(verdict.who == "somebody at 192.0.2.77");
  }
}
