// SPDX-License-Identifier: Apache-2.0
// Programs behind the bypass, and the same ones behind the tap alone: they see the same (tests/support/probe/).
#include <cstring>

#include "base/fs.h"
#include "tests/support/bypass_case.h"

using namespace sublet;
using namespace sublet::test;

namespace {

// `"name":N` of the total in a report.
int figure(const std::string& report, const std::string& name) {
  const std::size_t total = report.find("\"total\"");
  const std::size_t at = report.find("\"" + name + "\":", total == std::string::npos ? 0 : total);
  return at == std::string::npos ? 0 : std::atoi(report.c_str() + at + name.size() + 3);
}

}  // namespace

TEST_CASE("bypass: programs see what they see through the tap alone", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  const PodRun tap = run(world, {}, {"behaviours"});
  INFO(tap.out);
  CHECK(tap.status == 0);
  auto folder = fs::ScopedTempDir::create();
  REQUIRE(folder);
  const std::string report = folder->path() + "/report";
  const PodRun run_there = run(world, with({"--status", report}), {"behaviours"});
  INFO(run_there.out);
  CHECK(run_there.status == 0);
  const std::string counted = fs::read_file(report).value_or("");
  INFO(counted);
  // And it was the bypass that they saw: a thousand threads alone make a thousand.
  CHECK(figure(counted, "connections") > 1050);
  for (const char* reason : {"loopback", "cluster", "server", "option", "interfaces", "other-namespace"})
    CHECK(figure(counted, reason) > 0);
}

TEST_CASE("bypass: connected datagram sockets are the host's for who asks for it, and the pod's for the others",
          "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  auto folder = fs::ScopedTempDir::create();
  REQUIRE(folder);
  const std::string report = folder->path() + "/report";
  const PodRun tap = run(world, {}, {"datagrams"});
  INFO(tap.out);
  CHECK(tap.status == 0);
  const PodRun fast = run(world, with({"--status", report}), {"datagrams"});
  INFO(fast.out);
  CHECK(fast.status == 0);
  CHECK(figure(fs::read_file(report).value_or(""), "datagrams") == 0);
  const PodRun udp = run(world, with({"--level", "fast-udp", "--status", report}), {"datagrams"});
  INFO(udp.out);
  CHECK(udp.status == 0);
  const std::string counted = fs::read_file(report).value_or("");
  INFO(counted);
  CHECK(figure(counted, "datagrams") > 210);
  CHECK(figure(counted, "loopback") > 0);
  // And all else is as it is with datagrams left alone.
  const PodRun all = run(world, with({"--level", "fast-udp"}), {"behaviours"});
  INFO(all.out);
  CHECK(all.status == 0);
  CHECK_FALSE(world.heard());
}

TEST_CASE("bypass: a broker with few descriptors leaves more to the tap, and breaks nothing", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  const PodRun few = run(world, with({"--broker-files", "40"}), {"behaviours"});
  INFO(few.out);
  CHECK(few.status == 0);
}

TEST_CASE("bypass: brokers that are killed under load take nothing with them", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  auto folder = fs::ScopedTempDir::create();
  REQUIRE(folder);
  const std::string pid = folder->path() + "/pid";
  const PodRun killed = run(world, with({"--broker-pid", pid}), {"kill-broker", pid});
  INFO(killed.out);
  CHECK(killed.status == 0);
}

TEST_CASE("bypass: a pod that a policy isolates goes by the tap, and so does one of whom nobody has told", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  auto folder = fs::ScopedTempDir::create();
  REQUIRE(folder);
  const std::string report = folder->path() + "/report";
  const struct {
    std::vector<std::string> options;
    bool bypassed;
  } cases[] = {
      {{"--isolation", R"({"all":false,"free":{"default":[]}})"}, false},
      {{"--isolation", R"({"all":false,"free":{"default":["uid-1"],"lab":[]}})"}, true},
      {{"--isolation", R"({"all":true,"free":{}})"}, false},
      {{"--policies"}, false},
      {{"--policies", "--isolation", R"({"all":false,"free":{}})"}, true},
  };
  for (const auto& c : cases) {
    std::vector<std::string> options = with(c.options);
    options.insert(options.end(), {"--status", report});
    const PodRun seen = run(world, options, {"latency"});
    const std::string counted = fs::read_file(report).value_or("");
    INFO(seen.out << counted);
    CHECK(seen.status == 0);
    CHECK(figure(counted, "connections") == (c.bypassed ? 300 : 0));
    CHECK(figure(counted, "network-policy") == (c.bypassed ? 0 : 300));
  }
}

TEST_CASE("bypass: nobody is asked about what is done with a connection", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  auto folder = fs::ScopedTempDir::create();
  REQUIRE(folder);
  const std::string pid = folder->path() + "/pid";
  const PodRun counted = run(world, with({"--broker-pid", pid}), {"count-notifications", pid});
  INFO(counted.out);
  REQUIRE(counted.status == 0);
  long used = 0;
  int rounds = 0;
  long connected = 0;
  REQUIRE(std::sscanf(counted.out.c_str(), "wakes: %ld by %d rounds of 11 calls, %ld", &used, &rounds, &connected) ==
          3);
  CHECK(used < 20);
  CHECK(connected > rounds);
}

// Half a minute: the leaks of this kind that are known were of one thread or descriptor in a thousand.
TEST_CASE("bypass: ten thousand short programs leave nothing behind in the broker", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  const PodRun execs = run(world, with({"--execs", "10000"}), {"once"}, 240'000);
  INFO(execs.out);
  REQUIRE(execs.status == 0);
  int files[2] = {};
  int threads[2] = {};
  int kilobytes[2] = {};
  const char* text = std::strstr(execs.out.c_str(), "broker: ");
  for (int i = 0; i < 2; ++i) {
    REQUIRE(text != nullptr);
    REQUIRE(std::sscanf(text, "broker: %d descriptors, %d threads, %d kB", &files[i], &threads[i], &kilobytes[i]) == 3);
    text = std::strstr(text + 1, "broker: ");
  }
  CHECK(files[0] > 5);
  CHECK(files[1] <= files[0] + 2);
  CHECK(threads[1] <= threads[0] + 1);
#ifndef __SANITIZE_ADDRESS__  // which keeps what was freed for a while
  CHECK(kilobytes[1] <= kilobytes[0] + 1000);
#endif
}
