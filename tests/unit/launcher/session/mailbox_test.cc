// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/mailbox.h"

#include <catch2/catch.hpp>
#include <thread>

namespace sublet::launcher {
namespace {

using namespace std::chrono_literals;

TEST_CASE("mailbox: what threads post is called by the loop's thread, each in its order", "[session]") {
  EventLoop loop = take(EventLoop::create());
  auto box = take(Mailbox::create(loop));
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  // Not atomic on purpose: only the loop's thread may touch them (the thread sanitizer would tell).
  std::vector<int> next(kThreads, 0);
  int calls = 0;
  bool in_order = true;
  bool elsewhere = false;
  const auto loop_thread = std::this_thread::get_id();
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i)
        box->post([&, t, i] {
          elsewhere |= std::this_thread::get_id() != loop_thread;
          in_order &= next[static_cast<std::size_t>(t)]++ == i;
          if (++calls == kThreads * kEach) loop.stop(0);
        });
    });
  auto deadline = take(loop.after(20s, [&] { loop.stop(1); }));
  CHECK(take(loop.run()) == 0);
  CHECK(calls == kThreads * kEach);
  CHECK(in_order);
  CHECK_FALSE(elsewhere);
}

TEST_CASE("mailbox: a call may post another one, and what is posted before the loop runs is not lost", "[session]") {
  EventLoop loop = take(EventLoop::create());
  auto box = take(Mailbox::create(loop));
  int calls = 0;
  box->post([&] {
    ++calls;
    box->post([&] { ++calls; });
  });
  REQUIRE(loop.run_once(1s));
  CHECK(calls == 1);
  REQUIRE(loop.run_once(1s));
  CHECK(calls == 2);
  REQUIRE(loop.run_once(0ms));
  CHECK(calls == 2);
}

TEST_CASE("mailbox: calls that nobody fetched go with it", "[session]") {
  EventLoop loop = take(EventLoop::create());
  auto held = std::make_shared<int>(7);
  {
    auto box = take(Mailbox::create(loop));
    box->post([held] { FAIL("nobody may call this"); });
    CHECK(held.use_count() == 2);
  }
  CHECK(held.use_count() == 1);
  REQUIRE(loop.run_once(0ms));
}

}  // namespace
}  // namespace sublet::launcher
