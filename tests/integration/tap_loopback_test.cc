// SPDX-License-Identifier: Apache-2.0
// Canaries sing on every address of the «host»'s loopback; nothing that its guest can send may reach them. Frames are
// also sent as a guest's root could craft them, past its kernel's own rules.
#include <poll.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "base/sys.h"
#include "base/unix_socket.h"
#include "tests/support/frames.h"
#include "tests/support/inet.h"
#include "tests/support/netns_world.h"
#include "tests/support/unprivileged.h"

using namespace sublet;
using namespace sublet::test;

namespace {

constexpr std::uint16_t kPort = 7777;

bool can_run() {
  std::string why = become_unprivileged() ? why_no_tap() : "root, and no user to become";
  if (!why.empty()) std::printf("skipped: %s\n", why.c_str());
  return why.empty();
}

// Listening sockets made in the «host», watched from here.
class Canaries {
 public:
  static Result<Canaries> create(const TapWorld& world, const std::vector<std::string>& addresses) {
    auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
    int out = theirs.get();
    auto make = [&]() -> Result<std::string> {
      std::vector<UniqueFd> sockets;
      std::vector<int> numbers;
      for (const std::string& address : addresses) {
        for (int type : {SOCK_STREAM, SOCK_DGRAM})
          for (std::uint16_t port : {kPort, std::uint16_t{53}}) {
            sockets.push_back(TRY(serve(type, address, port)));
            numbers.push_back(sockets.back().get());
          }
      }
      TRY(send_message(out, "canaries", numbers));
      return std::string();
    };
    (void)TRY(world.host.run(make));
    auto message = TRY(receive_message(ours.get()));
    return Canaries(std::move(message.fds));
  }
  /// Something has reached one of them since the last call, or does within this time.
  [[nodiscard]] bool reached(int timeout_ms) const {
    std::vector<pollfd> waiting;
    for (const UniqueFd& socket : sockets_) waiting.push_back({socket.get(), POLLIN, 0});
    if (::poll(waiting.data(), waiting.size(), timeout_ms) == 0) return false;
    // What came is taken, so that the next call tells of the next.
    char bytes[64];
    for (const pollfd& each : waiting) {
      if (each.revents == 0) continue;
      UniqueFd connection(::accept4(each.fd, nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) (void)!::recv(each.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    }
    return true;
  }

 private:
  explicit Canaries(std::vector<UniqueFd> sockets) : sockets_(std::move(sockets)) {}
  std::vector<UniqueFd> sockets_;
};

TapWorld new_world() {
  // The name server is not one of the canaries, but on the uplink: port 53 of loopback is then as forbidden as any.
  auto world = TapWorld::create({.resolv_conf = "nameserver 192.0.2.1\nnameserver 2001:db8::1\n", .driver = POD_UP});
  if (!world) FAIL(to_string(world.error()));
  return std::move(*world);
}

Canaries new_canaries(const TapWorld& world, const std::vector<std::string>& addresses) {
  auto canaries = Canaries::create(world, addresses);
  if (!canaries) FAIL(to_string(canaries.error()));
  return std::move(*canaries);
}

// A UDP datagram and a TCP SYN to `to`, crafted, on both ports.
Result<std::string> craft(const std::string& to) {
  std::string from = to.find(':') == std::string::npos ? "10.0.2.100" : "fd00::100";
  for (std::uint16_t port : {kPort, std::uint16_t{53}})
    for (const Frame& frame : {udp_frame(from, to, 40001, port, "peep"),
                               tcp_frame({.from = from, .to = to, .from_port = 40002, .to_port = port, .flags = kSyn})})
      TRY(send_frame("tap0", std::string(frame.begin(), frame.end())));
  return std::string("sent");
}

const std::vector<std::string> loopbacks = {"127.0.0.1", "127.0.0.53", "127.1.2.3", "::1"};

}  // namespace

TEST_CASE("tap: crafted frames to the uplink arrive, so that the next test means something", "[tap]") {
  if (!can_run()) return;
  for (const char* to : {kUplinkV4, kUplinkV6}) {
    INFO(to);
    TapWorld world = new_world();
    Canaries canaries = new_canaries(world, {to});
    REQUIRE(world.guest.run([to] { return craft(to); }).value() == "sent");
    CHECK(canaries.reached(5000));
  }
}

TEST_CASE("tap: no frame reaches the host's loopback, whatever it calls it", "[tap]") {
  if (!can_run()) return;
  TapWorld world = new_world();
  Canaries canaries = new_canaries(world, loopbacks);
  for (
      const char* to :
      {"127.0.0.1",   "127.0.0.53",       "127.1.2.3",      "127.255.255.255", "0.0.0.0",  "0.0.0.1", "255.255.255.255",
       "224.0.0.1",   "10.0.2.2",         "10.0.2.3",       "10.0.2.255",      "10.0.2.1", "::",      "::1",
       "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "fd00::2",         "fd00::3",  "fd00::1", "fe80::2",
       "fe80::1",     "ff01::1",          "ff02::1",        "ff02::2",         "fec0::1",  "fd00::"}) {
    INFO(to);
    CHECK(world.guest.run([to] { return craft(to); }).value() == "sent");
    CHECK_FALSE(canaries.reached(150));
  }
  CHECK_FALSE(canaries.reached(1000));
}

TEST_CASE("tap: nor does a program's connect or send, by any spelling", "[tap]") {
  if (!can_run()) return;
  TapWorld world = new_world();
  Canaries canaries = new_canaries(world, loopbacks);
  auto answer = world.guest.run([]() -> Result<std::string> {
    for (const char* to : {"10.0.2.2", "10.0.2.3", "127.0.0.1", "0.0.0.0", "fd00::2", "fd00::3", "::1",
                           "::", "::ffff:127.0.0.1", "::ffff:10.0.2.2", "fd00::1"}) {
      auto datagram = dial(SOCK_DGRAM, to, kPort);
      if (datagram) (void)!::write(datagram->get(), "peep", 4);
      if (dial(SOCK_STREAM, to, kPort, 300)) return std::string("connected to ") + to;
    }
    return std::string("none");
  });
  REQUIRE(answer);
  CHECK(*answer == "none");
  CHECK_FALSE(canaries.reached(500));
}

TEST_CASE("tap: fragments of a datagram to loopback are not put together for it", "[tap]") {
  if (!can_run()) return;
  TapWorld world = new_world();
  Canaries canaries = new_canaries(world, loopbacks);
  CHECK(world.guest
            .run([]() -> Result<std::string> {
              Frame whole = udp_frame("10.0.2.100", "127.0.0.1", 40001, kPort, std::string(64, 'p'));
              // Two fragments: the UDP header and 32 bytes, then the rest.
              Frame first(whole.begin(), whole.begin() + 34 + 40);
              Frame second(whole.begin(), whole.begin() + 34);
              second.insert(second.end(), whole.begin() + 34 + 40, whole.end());
              for (auto [frame, offset] : {std::pair(&first, 0x2000), std::pair(&second, 5)}) {
                (*frame)[17] = static_cast<std::uint8_t>(frame->size() - 14);
                (*frame)[20] = static_cast<std::uint8_t>(offset >> 8);
                (*frame)[21] = static_cast<std::uint8_t>(offset);
                (*frame)[24] = (*frame)[25] = 0;
                unsigned sum = 0;
                for (std::size_t i = 14; i < 34; i += 2)
                  sum += static_cast<unsigned>((*frame)[i] << 8 | (*frame)[i + 1]);
                sum = ~((sum & 0xffff) + (sum >> 16));
                (*frame)[24] = static_cast<std::uint8_t>(sum >> 8);
                (*frame)[25] = static_cast<std::uint8_t>(sum);
                TRY(send_frame("tap0", std::string(frame->begin(), frame->end())));
              }
              return std::string("sent");
            })
            .value() == "sent");
  CHECK_FALSE(canaries.reached(500));
}
