// SPDX-License-Identifier: Apache-2.0
// The tap driver between two real namespaces: what goes through it arrives, whole, both ways, at every MTU.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "base/fs.h"
#include "netns/link.h"
#include "tests/support/inet.h"
#include "tests/support/netns_world.h"
#include "tests/support/unprivileged.h"

using namespace sublet;
using namespace sublet::test;

namespace {

bool can_run() {
  std::string why = become_unprivileged() ? why_no_tap() : "root, and no user to become";
  if (!why.empty()) std::printf("skipped: %s\n", why.c_str());
  return why.empty();
}

TapWorld world_of(TapWorld::Options options) {
  options.driver = POD_UP;
  auto world = TapWorld::create(options);
  if (!world) FAIL(to_string(world.error()));
  return std::move(*world);
}

// Answers each connection with what it sent, once its sender is done.
int echo_server(int out, const std::string& address, std::uint16_t port) {
  auto listener = serve(SOCK_STREAM, address, port);
  (void)!::write(out, listener ? "r" : "x", 1);
  for (;;) {
    auto client = accept_one(listener->get(), 60000);
    if (!client) return 1;
    auto text = receive_all(client->get(), 20000);
    if (text) (void)send_text(client->get(), *text);
  }
}

// One answer per datagram: the datagram after `prefix`.
int datagram_server(int out, const std::string& address, std::uint16_t port, const std::string& prefix) {
  auto socket = serve(SOCK_DGRAM, address, port);
  (void)!::write(out, socket ? "r" : "x", 1);
  std::string buffer(65536, '\0');
  for (;;) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    ssize_t count =
        ::recvfrom(socket->get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (count < 0) return 1;
    std::string answer = prefix + buffer.substr(0, static_cast<std::size_t>(count));
    (void)::sendto(socket->get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
}

// A server in the «host», which listens when this returns.
template <typename Server, typename... Args>
Child start_server(const TapWorld& world, Server server, Args... args) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  auto child = world.host.start([&] { return server(ends[1], args...); });
  ::close(ends[1]);
  if (!child) FAIL(to_string(child.error()));
  char ready = 0;
  REQUIRE(::read(ends[0], &ready, 1) == 1);
  ::close(ends[0]);
  REQUIRE(ready == 'r');
  return std::move(*child);
}

// In the guest: sends all, and says whether the same came back.
Result<std::string> echoed(const std::string& address, std::uint16_t port, std::size_t size) {
  auto socket = TRY(dial(SOCK_STREAM, address, port));
  std::string sent = noise(size);
  TRY(send_text(socket.get(), sent));
  if (::shutdown(socket.get(), SHUT_WR) != 0) return fail_errno("shutdown");
  std::string back = TRY(receive_all(socket.get(), 20000));
  if (back.size() != sent.size()) return "got " + std::to_string(back.size()) + " bytes";
  return back == sent ? "same" : "other bytes";
}

std::string in_guest(const TapWorld& world, const std::function<Result<std::string>()>& body) {
  auto answer = world.guest.run(body, 60000);
  return answer ? *answer : to_string(answer.error());
}

}  // namespace

TEST_CASE("tap: TCP arrives whole in both directions, IPv4 and IPv6, at every MTU", "[tap]") {
  if (!can_run()) return;
  for (std::uint32_t mtu : {65520U, 9000U, 1500U, 1280U}) {
    INFO("mtu " << mtu);
    TapWorld world = world_of({.mtu = mtu});
    Child v4 = start_server(world, echo_server, std::string(kUplinkV4), 9000);
    Child v6 = start_server(world, echo_server, std::string(kUplinkV6), 9000);
    for (std::size_t size : {0U, 1U, 1459U, 65480U, 8U << 20}) {
      INFO("size " << size);
      CHECK(in_guest(world, [size] { return echoed(kUplinkV4, 9000, size); }) == "same");
      CHECK(in_guest(world, [size] { return echoed(kUplinkV6, 9000, size); }) == "same");
    }
  }
}

TEST_CASE("tap: at a small MTU, large segments and their checksums are right for a guest that looks", "[tap]") {
  if (!can_run()) return;
  // A socket filter in the guest sees what the driver wrote: nothing may depend on its kernel's good will. Here the
  // guest clamps its own offers too: an MSS of 700 is raised, one of 200 is not.
  TapWorld world = world_of({.mtu = 1280});
  Child server = start_server(world, echo_server, std::string(kUplinkV4), 9000);
  for (int mss : {700, 200, 90}) {
    INFO("mss " << mss);
    CHECK(in_guest(world, [mss]() -> Result<std::string> {
            UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            if (::setsockopt(socket.get(), IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof mss) != 0)
              return fail_errno("TCP_MAXSEG");
            return echoed(kUplinkV4, 9000, 300000);
          }) == "same");
  }
}

TEST_CASE("tap: many connections at once", "[tap]") {
  if (!can_run()) return;
  TapWorld world = world_of({});
  Child server = start_server(world, echo_server, std::string(kUplinkV4), 9000);
  CHECK(in_guest(world, []() -> Result<std::string> {
          std::vector<UniqueFd> sockets;
          for (int i = 0; i < 200; ++i) {
            sockets.push_back(TRY(dial(SOCK_STREAM, kUplinkV4, 9000)));
            TRY(send_text(sockets.back().get(), noise(1000 + static_cast<std::size_t>(i))));
            (void)::shutdown(sockets.back().get(), SHUT_WR);
          }
          int same = 0;
          for (std::size_t i = 0; i < sockets.size(); ++i)
            if (TRY(receive_all(sockets[i].get(), 20000)) == noise(1000 + i)) ++same;
          return std::to_string(same);
        }) == "200");
}

TEST_CASE("tap: UDP in both directions, of nearly 64 KiB where the MTU allows", "[tap]") {
  if (!can_run()) return;
  for (std::uint32_t mtu : {65520U, 1500U}) {
    INFO("mtu " << mtu);
    TapWorld world = world_of({.mtu = mtu});
    Child v4 = start_server(world, datagram_server, std::string(kUplinkV4), 9001, std::string(">"));
    Child v6 = start_server(world, datagram_server, std::string(kUplinkV6), 9001, std::string(">"));
    for (const char* to : {kUplinkV4, kUplinkV6}) {
      // libslirp takes IPv6 fragments no better than it sends them.
      const std::size_t largest = mtu > 9000 || to == kUplinkV4 ? 60000 : 1200;
      for (std::size_t size : {std::size_t{1}, std::size_t{1000}, largest}) {
        INFO(to << " " << size);
        CHECK(in_guest(world, [to, size]() -> Result<std::string> {
                auto socket = TRY(dial(SOCK_DGRAM, to, 9001));
                TRY(send_text(socket.get(), noise(size)));
                return TRY(receive_some(socket.get())) == ">" + noise(size) ? "same" : "other";
              }) == "same");
      }
    }
  }
}

TEST_CASE("tap: names are asked of the host's resolver, wherever that is", "[tap]") {
  if (!can_run()) return;
  struct {
    const char* resolv_conf;
    const char* server;
    const char* ask;
  } const cases[] = {
      {"nameserver 127.0.0.53\n", "127.0.0.53", "10.0.2.3"},
      {"nameserver 127.0.0.1\n", "127.0.0.1", "10.0.2.3"},
      {"nameserver 192.0.2.1\n", "192.0.2.1", "10.0.2.3"},
      {"nameserver ::1\n", "::1", "fd00::3"},
  };
  for (const auto& c : cases) {
    INFO(c.resolv_conf);
    TapWorld world = world_of({.resolv_conf = c.resolv_conf});
    Child udp = start_server(world, datagram_server, std::string(c.server), 53, std::string("answer to "));
    Child tcp = start_server(world, echo_server, std::string(c.server), 53);
    CHECK(in_guest(world, [&]() -> Result<std::string> {
            auto socket = TRY(dial(SOCK_DGRAM, c.ask, 53));
            TRY(send_text(socket.get(), "question"));
            return receive_some(socket.get());
          }) == "answer to question");
    CHECK(in_guest(world, [&] { return echoed(c.ask, 53, 3000); }) == "same");
  }
}

TEST_CASE("tap: what nobody listens on is refused at once, not lost", "[tap]") {
  if (!can_run()) return;
  TapWorld world = world_of({});
  for (const char* to : {kUplinkV4, kUplinkV6, "10.0.2.2"}) {
    INFO(to);
    std::string answer = in_guest(world, [to]() -> Result<std::string> {
      (void)TRY(dial(SOCK_STREAM, to, 9999));
      return "connected";
    });
    CHECK_THAT(answer, Catch::Contains("refused") || Catch::Contains("unreachable"));
  }
}

TEST_CASE("tap: the link is as ordered", "[tap]") {
  if (!can_run()) return;
  TapWorld world = world_of({.mtu = 4000, .ipv6 = false});
  CHECK(in_guest(world, []() -> Result<std::string> {
          auto routes = TRY(netns::read_routes());
          bool has_default = false, has_net = false, has_v6_default = false;
          for (const auto& route : routes) {
            has_default |= route.text() == "0.0.0.0/0";
            has_net |= route.text() == "10.0.2.0/24";
            has_v6_default |= route.text() == "::/0";
          }
          return std::to_string(has_default) + std::to_string(has_net) + std::to_string(has_v6_default);
        }) == "110");
}
