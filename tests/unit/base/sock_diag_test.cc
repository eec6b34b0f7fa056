// SPDX-License-Identifier: Apache-2.0
#include "base/sock_diag.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>

using namespace sublet;

TEST_CASE("sock_diag: one connection is asked for, from the side of whose socket it is", "[base]") {
  for (const auto& [own, peer, family] :
       {std::tuple("192.0.2.1", "192.0.2.2", AF_INET), std::tuple("2001:db8::1", "2001:db8::2", AF_INET6)}) {
    const TcpEnd here{*parse_ip(own), 80};
    const TcpEnd there{*parse_ip(peer), 40000};
    const DiagRequest request = diag_request(here, there, 7);
    CHECK(request.header.nlmsg_len == sizeof request);
    CHECK(request.header.nlmsg_seq == 7);
    CHECK(request.body.sdiag_family == family);
    const inet_diag_sockid& id = request.body.id;
    CHECK(ntohs(id.idiag_sport) == 80);
    CHECK(ntohs(id.idiag_dport) == 40000);
    CHECK(std::memcmp(id.idiag_src, here.address.bytes.data(), sizeof id.idiag_src) == 0);
    CHECK(std::memcmp(id.idiag_dst, there.address.bytes.data(), sizeof id.idiag_dst) == 0);
    CHECK(id.idiag_cookie[0] == INET_DIAG_NOCOOKIE);
  }
}

TEST_CASE("sock_diag: a connection has a state and an owner on both sides; what is none is not found", "[base]") {
  auto diag = SockDiag::create();
  REQUIRE(diag);
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&name), size) == 0);
  REQUIRE(::listen(listener.get(), 8) == 0);
  REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
  REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&name), size) == 0);
  const TcpEnd there{*parse_ip("127.0.0.1"), ntohs(name.sin_port)};
  REQUIRE(::getsockname(client.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
  const TcpEnd here{*parse_ip("127.0.0.1"), ntohs(name.sin_port)};
  const auto found = diag->find(here, there);
  REQUIRE(found);
  CHECK(found->state == TCP_ESTABLISHED);
  CHECK(found->uid == ::getuid());
  CHECK(found->inode != 0);
  const auto waits = diag->find(there, here);  // of the listener's side, which nobody has accepted
  REQUIRE(waits);
  CHECK(waits->inode == 0);
  // The kernel gives the listener instead.
  CHECK_FALSE(diag->find(there, {here.address, there.port}));
  CHECK_FALSE(diag->find(here, {*parse_ip("192.0.2.77"), 1}));
  CHECK_FALSE(diag->find({*parse_ip("::1"), 1}, {*parse_ip("::1"), 2}));
}
