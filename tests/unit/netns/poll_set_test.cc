// SPDX-License-Identifier: Apache-2.0
#include "netns/poll_set.h"

#include <catch2/catch.hpp>

#include "base/sys.h"

using namespace sublet;
using netns::PollSet;

TEST_CASE("poll_set: reports what is wanted, and only in the round that wants it", "[netns]") {
  auto set = PollSet::create().value();
  auto [a, b] = sys::socketpair(SOCK_STREAM).value();
  REQUIRE(sys::write_all(b.get(), "x"));
  set.begin_round();
  set.want(a.get(), EPOLLIN);
  REQUIRE(set.wait(1000));
  CHECK(set.ready(a.get()) == EPOLLIN);
  set.begin_round();
  set.want(a.get(), EPOLLIN | EPOLLOUT);
  REQUIRE(set.wait(0));
  CHECK(set.ready(a.get()) == (EPOLLIN | EPOLLOUT));
  set.begin_round();
  REQUIRE(set.wait(0));
  CHECK(set.ready(a.get()) == 0);
  // Hung up, but not wanted: no event, or a loop would spin.
  b.reset();
  set.begin_round();
  REQUIRE(set.wait(0));
  CHECK(set.ready(a.get()) == 0);
}

TEST_CASE("poll_set: a number that is used again is another descriptor", "[netns]") {
  auto set = PollSet::create().value();
  auto [a, b] = sys::socketpair(SOCK_STREAM).value();
  REQUIRE(sys::write_all(b.get(), "x"));
  set.begin_round();
  set.want(a.get(), EPOLLIN);
  REQUIRE(set.wait(0));
  REQUIRE(set.ready(a.get()) == EPOLLIN);
  int number = a.get();
  set.forget(number);
  CHECK(set.ready(number) == 0);
  a.reset();
  auto [c, d] = sys::socketpair(SOCK_STREAM).value();
  REQUIRE(c.get() == number);
  set.begin_round();
  set.want(number, EPOLLIN);
  REQUIRE(set.wait(0));
  CHECK(set.ready(number) == 0);
  REQUIRE(sys::write_all(d.get(), "y"));
  set.begin_round();
  set.want(number, EPOLLIN);
  REQUIRE(set.wait(1000));
  CHECK(set.ready(number) == EPOLLIN);
}

TEST_CASE("poll_set: forgetting what was never known, and asking for it, is nothing", "[netns]") {
  auto set = PollSet::create().value();
  set.forget(-1);
  set.forget(1000);
  CHECK(set.ready(-1) == 0);
  CHECK(set.ready(1000) == 0);
}
