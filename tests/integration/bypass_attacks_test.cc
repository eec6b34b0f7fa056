// SPDX-License-Identifier: Apache-2.0
// Programs that would get where they must not, by the sockets of the host that the bypass gives them.
#include "tests/support/bypass_case.h"

using namespace sublet;
using namespace sublet::test;

TEST_CASE("bypass: no call and no spelling reaches the host's loopback", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  const PodRun attacks = run(world, with(), {"attacks"});
  INFO(attacks.out);
  CHECK(attacks.status == 0);
  CHECK_FALSE(world.heard());
}

TEST_CASE("bypass: an address that changes during connect gets nowhere else", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  const PodRun flips = run(world, with(), {"flip-address", "100000"});
  INFO(flips.out);
  CHECK(flips.status == 0);
  CHECK_FALSE(world.heard());
}

TEST_CASE("bypass: a descriptor that changes during connect gets nowhere else", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  const PodRun flips = run(world, with(), {"flip-descriptor", "10000"});
  INFO(flips.out);
  CHECK(flips.status == 0);
  CHECK_FALSE(world.heard());
}

// Names of AF_UNIX are the kernel's to connect, so here the descriptor matters by the time that it looks. One in a
// hundred tries gets a host's socket past the deny list, which is why the launcher has no bypass where there is one;
// the device that the socket is bound to keeps it off the loopback.
TEST_CASE("bypass: nor to loopback does one that is a unix socket for a moment", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  const PodRun flips = run(world, with(), {"flip-family", "10000"});
  INFO(flips.out);
  CHECK(flips.out.find("family, loopback: 10000 tries") != std::string::npos);
  CHECK_FALSE(world.heard());
}

TEST_CASE("bypass: one that floods the broker slows others down by no more than its share", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  const PodRun alone = run(world, with(), {"latency"});
  const PodRun flooded = run(world, with({"--beside", std::string(BYPASS_PROBE) + " flood"}), {"latency"});
  long quiet = 0;
  long loud = 0;
  INFO(alone.out << flooded.out);
  REQUIRE(std::sscanf(alone.out.c_str(), "median %ld us", &quiet) == 1);
  REQUIRE(std::sscanf(flooded.out.c_str(), "median %ld us", &loud) == 1);
  CHECK(loud < 3 * quiet);
}
