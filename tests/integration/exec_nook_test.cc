// SPDX-License-Identifier: Apache-2.0
// The nook: a question that is sent to any address is answered from that address.
#include "launcher/exec/nook.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/sys.h"
#include "base/unix_socket.h"
#include "launcher/exec/resolver.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {

constexpr std::uint16_t kDnsPort = 53;

bypass::RawAddress v4(const char* text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kDnsPort);
  REQUIRE(::inet_pton(AF_INET, text, &address.sin_addr) == 1);
  bypass::RawAddress raw;
  std::memcpy(&raw.storage, &address, sizeof address);
  raw.length = sizeof address;
  return raw;
}

bypass::RawAddress v6(const char* text) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(kDnsPort);
  REQUIRE(::inet_pton(AF_INET6, text, &address.sin6_addr) == 1);
  bypass::RawAddress raw;
  std::memcpy(&raw.storage, &address, sizeof address);
  raw.length = sizeof address;
  return raw;
}

struct Answered {
  DnsAnswer answer;
  bypass::RawAddress from;
};

Answered ask(int socket, const bypass::RawAddress& server, std::string_view name) {
  const std::string message = *make_query(5, name, 1, 1);
  REQUIRE(::sendto(socket, message.data(), message.size(), MSG_NOSIGNAL, server.get(), server.length) > 0);
  pollfd watched{socket, POLLIN, 0};
  constexpr int kPatienceMs = 5000;
  REQUIRE(::poll(&watched, 1, kPatienceMs) == 1);
  std::array<char, 4096> buffer;
  Answered got;
  got.from.length = sizeof got.from.storage;
  const ssize_t count = ::recvfrom(socket, buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&got.from.storage), &got.from.length);
  REQUIRE(count > 0);
  got.answer = *parse_answer({buffer.data(), static_cast<std::size_t>(count)});
  return got;
}

}  // namespace

TEST_CASE("nook: whoever is asked, answers", "[exec]") {
  auto nook = start_nook();
  REQUIRE(nook);
  SocketStore sockets(std::move(nook->sockets), std::nullopt);
  const UniqueFd client = sockets.take(SocketKind::kUdp4);
  if (!client) {
    std::puts("skipped: no network namespace can be made here");
    std::exit(77);
  }
  // There is no cluster: what is its domain's is answered all the same, and nothing is sent anywhere.
  auto [ours, theirs] = *sys::socketpair(SOCK_SEQPACKET);
  theirs.reset();
  SocketStore cluster(std::move(ours));
  ResolverPlan plan;
  plan.cluster_server = *parse_ip("127.0.0.1");
  plan.nook_door = std::move(nook->door);
  const auto resolver = Resolver::start(std::move(plan), cluster);
  REQUIRE(resolver);
  for (const char* server : {"192.0.2.1", "203.0.113.200", "10.0.0.53", "127.0.0.53"}) {
    CAPTURE(server);
    const bypass::RawAddress asked = v4(server);
    const Answered got = ask(client.get(), asked, "web.default.svc.cluster.local");
    CHECK(got.answer.code == DnsCode::kFailure);
    CHECK(got.from.length == sizeof(sockaddr_in));
    CHECK(std::memcmp(&got.from.storage, &asked.storage, sizeof(sockaddr_in)) == 0);
  }
  const UniqueFd client6 = sockets.take(SocketKind::kUdp6);
  REQUIRE(client6);
  const Answered got = ask(client6.get(), v6("2001:db8::53"), "web.default.svc.cluster.local");
  const auto from = bypass::endpoint_of(got.from);
  REQUIRE(from);
  CHECK(from->address == *parse_ip("2001:db8::53"));
  CHECK(from->port == kDnsPort);
}
