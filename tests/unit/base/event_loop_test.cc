// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <signal.h>
#include <sys/epoll.h>

#include <catch2/catch.hpp>

#include "base/sys.h"

using namespace sublet;
using namespace std::chrono_literals;

TEST_CASE("EventLoop: run ends with the value of stop", "[base]") {
  EventLoop loop = take(EventLoop::create());
  auto timer = take(loop.after(1ms, [&] { loop.stop(7); }));
  CHECK(take(loop.run()) == 7);
}

TEST_CASE("EventLoop: on_fd calls back while there is something to read", "[base]") {
  EventLoop loop = take(EventLoop::create());
  auto [read_end, write_end] = take(sys::pipe());
  int calls = 0;
  auto watch = take(loop.on_fd(read_end.get(), EPOLLIN, [&](std::uint32_t events) {
    CHECK((events & EPOLLIN) != 0);
    ++calls;
  }));
  REQUIRE(loop.run_once(0ms));
  CHECK(calls == 0);
  REQUIRE(sys::write_all(write_end.get(), "x"));
  REQUIRE(loop.run_once(1s));
  REQUIRE(loop.run_once(1s));
  CHECK(calls == 2);
  watch.reset();
  REQUIRE(loop.run_once(0ms));
  CHECK(calls == 2);
}

TEST_CASE("EventLoop: a callback may destroy its own watch", "[base]") {
  EventLoop loop = take(EventLoop::create());
  auto [read_end, write_end] = take(sys::pipe());
  REQUIRE(sys::write_all(write_end.get(), "x"));
  EventLoop::Watch watch;
  int calls = 0;
  watch = take(loop.on_fd(read_end.get(), EPOLLIN, [&](std::uint32_t) {
    watch.reset();
    ++calls;
  }));
  REQUIRE(loop.run_once(1s));
  REQUIRE(loop.run_once(0ms));
  CHECK(calls == 1);
  CHECK_FALSE(watch.active());
}

TEST_CASE("EventLoop: on_exit reaps and tells how it ended", "[base]") {
  EventLoop loop = take(EventLoop::create());
  Command command;
  command.argv = {"/bin/sh", "-c", "exit 5"};
  Process process = take(command.spawn());
  ExitStatus seen{true, 0};
  auto watch = take(loop.on_exit(process, [&](ExitStatus status) {
    seen = status;
    loop.stop(0);
  }));
  CHECK(take(loop.run()) == 0);
  CHECK_FALSE(seen.signalled);
  CHECK(seen.value == 5);
}

TEST_CASE("EventLoop: on_signal comes instead of the signal's default action", "[base]") {
  EventLoop loop = take(EventLoop::create());
  auto watch = take(loop.on_signal(SIGUSR2, [&] { loop.stop(3); }));
  REQUIRE(::kill(::getpid(), SIGUSR2) == 0);
  CHECK(take(loop.run()) == 3);
}
