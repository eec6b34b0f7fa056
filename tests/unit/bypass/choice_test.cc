// SPDX-License-Identifier: Apache-2.0
#include "bypass/choice.h"

#include <catch2/catch.hpp>

using namespace sublet;
using namespace sublet::bypass;
using std::chrono::seconds;

namespace {

const Choice::Time kStart{};

PortEndpoint at(int number, bool isolated = false) {
  return {*parse_ip("10.42.0." + std::to_string(number)), 80, "uid-" + std::to_string(number), isolated};
}

IpAddress client(int number) { return *parse_ip("192.0.2." + std::to_string(number)); }

std::string next(Choice& choice, const Choice::Wish& wish, Choice::Time now = kStart) {
  const auto found = choice.next(wish, now);
  return found ? found->pod_uid : "";
}

}  // namespace

TEST_CASE("choice: endpoints take turns, and nobody is nobody", "[bypass]") {
  Choice choice;
  CHECK(next(choice, {client(1)}).empty());
  choice.replace({at(1), at(2), at(3)}, seconds(0));
  std::string order;
  for (int i = 0; i < 6; ++i) order += next(choice, {client(1)}).back();
  CHECK(order == "123123");
  choice.replace({at(2)}, seconds(0));
  CHECK(next(choice, {client(1)}) == "uid-2");
}

TEST_CASE("choice: one that was tried is not taken again, and when all were there is none", "[bypass]") {
  Choice choice;
  choice.replace({at(1), at(2)}, seconds(0));
  CHECK(next(choice, {client(1), false, {at(1)}}) == "uid-2");
  CHECK(next(choice, {client(1), false, {at(1)}}) == "uid-2");
  CHECK(next(choice, {client(1), false, {at(1), at(2)}}).empty());
}

TEST_CASE("choice: a stranger gets no pod that a policy isolates", "[bypass]") {
  Choice choice;
  choice.replace({at(1, true), at(2)}, seconds(0));
  CHECK(choice.has_for({client(1), true}));
  for (int i = 0; i < 3; ++i) CHECK(next(choice, {client(1), true}) == "uid-2");
  choice.replace({at(1, true)}, seconds(0));
  CHECK_FALSE(choice.has_for({client(1), true}));
  CHECK(choice.has_for({client(1), false}));
  CHECK(next(choice, {client(1), true}).empty());
  CHECK(next(choice, {client(1), false}) == "uid-1");
}

TEST_CASE("choice: a stranger gets a pod that a policy isolates from others than him", "[bypass]") {
  Choice choice;
  PortEndpoint some = at(1, true);
  some.from = {{*parse_cidr("192.0.2.0/28"), {*parse_cidr("192.0.2.4/30")}}, {*parse_cidr("192.0.2.5/32"), {}}};
  choice.replace({some}, seconds(100));
  const struct {
    int client;
    bool taken;
  } cases[] = {{1, true}, {4, false}, {5, true}, {6, false}, {8, true}, {15, true}, {16, false}};
  for (const auto& c : cases) {
    CAPTURE(c.client);
    CHECK(next(choice, {client(c.client), true}) == (c.taken ? "uid-1" : ""));
    CHECK(choice.has_for({client(c.client), true}) == c.taken);
    CHECK(next(choice, {client(c.client), false}) == "uid-1");
  }
  CHECK(next(choice, {*parse_ip("2001:db8::1"), true}).empty());
  // Nor where he was before there was the policy.
  choice.replace({at(1)}, seconds(100));
  choice.keep(client(16), at(1), kStart);
  choice.replace({some}, seconds(100));
  CHECK(next(choice, {client(16), true}).empty());
}

TEST_CASE("choice: with affinity a client stays until its time is over or its endpoint gone", "[bypass]") {
  Choice choice;
  choice.replace({at(1), at(2)}, seconds(100));
  CHECK(next(choice, {client(1)}) == "uid-1");
  choice.keep(client(1), at(1), kStart);
  for (int i = 0; i < 3; ++i) CHECK(next(choice, {client(1)}, kStart + seconds(99)) == "uid-1");
  // What it was refused by, it is not sent to again.
  CHECK(next(choice, {client(1), false, {at(1)}}) == "uid-2");
  // Others take their turns.
  CHECK(next(choice, {client(2)}) == "uid-1");
  CHECK(next(choice, {client(2)}) == "uid-2");
  CHECK(next(choice, {client(1)}, kStart + seconds(99)) == "uid-1");
  // Each connection makes the time begin anew.
  choice.keep(client(1), at(1), kStart + seconds(90));
  CHECK(next(choice, {client(1)}, kStart + seconds(150)) == "uid-1");
  choice.replace({at(2), at(3)}, seconds(100));
  CHECK(next(choice, {client(1)}, kStart + seconds(150)) != "uid-1");
}

TEST_CASE("choice: without affinity, and of an endpoint that has gone, nothing is remembered", "[bypass]") {
  Choice choice;
  choice.replace({at(1), at(2)}, seconds(0));
  choice.keep(client(1), at(2), kStart);
  CHECK(next(choice, {client(1)}) == "uid-1");
  choice.replace({at(1), at(2)}, seconds(10));
  choice.keep(client(1), at(9), kStart);
  CHECK(next(choice, {client(1)}) == "uid-2");
}

TEST_CASE("choice: more clients than are remembered make the oldest forgotten, and no more", "[bypass]") {
  Choice choice;
  choice.replace({at(1), at(2)}, seconds(1000));
  constexpr std::uint32_t kMany = 10'100;
  for (std::uint32_t i = 0; i < kMany; ++i) {
    IpAddress each = client(0);
    each.bytes[2] = static_cast<std::uint8_t>(i >> 8);
    each.bytes[3] = static_cast<std::uint8_t>(i);
    choice.keep(each, at(2), kStart);
  }
  IpAddress last = client(0);
  last.bytes[2] = (kMany - 1) >> 8;
  last.bytes[3] = (kMany - 1) & 0xff;
  for (int i = 0; i < 3; ++i) CHECK(next(choice, {last}) == "uid-2");
}
