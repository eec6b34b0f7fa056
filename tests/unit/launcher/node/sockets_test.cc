// SPDX-License-Identifier: Apache-2.0
#include "launcher/node/sockets.h"

#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "base/sys.h"
#include "base/unix_socket.h"

using namespace sublet;
using namespace sublet::launcher;

TEST_CASE("sockets: a wish survives being text", "[node]") {
  for (const SocketKind kind : {SocketKind::kTcp4, SocketKind::kTcp6, SocketKind::kUdp4, SocketKind::kUdp6})
    CHECK(wish_from_text(to_text({kind, 7})) == SocketWish{kind, 7});
  for (const char* text : {"", "tcp4", "tcp4 0", "tcp4 33", "tcp4 -1", "tcp4 8 8", "sctp 8", "tcp4 8x"}) {
    CAPTURE(text);
    CHECK_FALSE(wish_from_text(text));
  }
}

TEST_CASE("sockets: one who asks for nonsense, or goes, disturbs no other", "[node]") {
  EventLoop loop = *EventLoop::create();
  SocketGiver giver(loop);
  auto [good, good_inside] = *sys::socketpair(SOCK_SEQPACKET);
  auto [bad, bad_inside] = *sys::socketpair(SOCK_SEQPACKET);
  auto [gone, gone_inside] = *sys::socketpair(SOCK_SEQPACKET);
  REQUIRE(giver.add(std::move(good_inside)));
  REQUIRE(giver.add(std::move(bad_inside)));
  REQUIRE(giver.add(std::move(gone_inside)));
  gone.reset();
  REQUIRE(send_message(bad.get(), "all of them, please"));
  REQUIRE(send_message(good.get(), to_text({SocketKind::kUdp6, 3})));
  constexpr std::chrono::milliseconds kRound{100};
  for (int i = 0; i < 6; ++i) REQUIRE(loop.run_once(kRound));
  CHECK(receive_message(good.get())->fds.size() == 3);
  CHECK(receive_message(bad.get())->end);
}
