// SPDX-License-Identifier: Apache-2.0
// Servers in a pod, called by clients of two hosts through ports of the first (tests/support/probe/doors.cc).
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "base/fs.h"
#include "base/sys.h"
#include "bypass/doors.h"
#include "tests/support/bypass_case.h"
#include "tests/support/inet.h"
#include "tests/support/probe/probe.h"

using namespace sublet;
using namespace sublet::test;

namespace {

std::vector<std::string> with_doors(std::vector<std::string> options) {
  options = with(options);
  for (int i = 0; i < probe::kDoors; ++i) {
    const int port = probe::kFirstDoor + i;
    options.insert(options.end(), {"--door", std::to_string(port + 1000) + ":" + std::to_string(port)});
  }
  return options;
}

int inward(const std::string& report, const std::string& name) {
  const std::size_t total = report.find("\"total\"");
  const std::size_t at = report.find("\"" + name + "\":", total == std::string::npos ? 0 : total);
  return at == std::string::npos ? -1 : std::atoi(report.c_str() + at + name.size() + 3);
}

}  // namespace

TEST_CASE("doors: servers get connections of the host, as if they listened there", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  auto folder = fs::ScopedTempDir::create();
  REQUIRE(folder);
  const std::string report = folder->path() + "/report";
  const PodRun seen = run(world, with_doors({"--status", report}), {"doors"}, 120'000);
  INFO(seen.out);
  CHECK(seen.status == 0);
  const std::string counted = fs::read_file(report).value_or("");
  INFO(counted);
  CHECK(inward(counted, "handed") > 2200);
  CHECK(inward(counted, "relayed") >= 13);  // of 32-bit calls, and of IPv6 at a listener of IPv4
  CHECK(inward(counted, "relayed") < 100);
  CHECK(inward(counted, "waiting") == 0);
}

TEST_CASE("doors: signals, limits and ends are what they are without", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  const PodRun seen = run(world, with_doors({}), {"door-faults"}, 120'000);
  INFO(seen.out);
  CHECK(seen.status == 0);
}

TEST_CASE("doors: brokers that are killed under load cut off those who came, and nobody else", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  auto folder = fs::ScopedTempDir::create();
  REQUIRE(folder);
  const std::string pid = folder->path() + "/pid";
  const PodRun killed = run(world, with_doors({"--broker-pid", pid}), {"kill-broker-at-door", pid}, 120'000);
  INFO(killed.out);
  CHECK(killed.status == 0);
}

TEST_CASE("doors: whoever asks for a pod's socket gets one, however many ask at once", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  auto body = []() -> Result<std::string> {
    auto network = TRY(sys::open("/proc/self/ns/net", O_RDONLY));
    const auto pod = std::make_shared<bypass::Pod>(bypass::Record{}, std::move(network), 1);
    bypass::PodSockets sockets;
    std::atomic<int> none{0};
    std::vector<std::thread> all;
    for (int i = 0; i < 16; ++i)
      all.emplace_back([&] {
        for (int n = 0; n < 500; ++n)
          if (!sockets.take(pod, AF_INET)) ++none;
      });
    for (std::thread& each : all) each.join();
    return std::to_string(none.load());
  };
  const auto without = world.host.run(body, 30'000);
  REQUIRE(without);
  CHECK(*without == "0");
}

// By root of the «host», whom every kernel lets: as a broker is where it needs no privilege.
TEST_CASE("doors: a guarded connection stays what it is", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  auto body = []() -> Result<std::string> {
    std::string seen;
    for (const bool guarded : {false, true}) {
      UniqueFd listener = TRY(sys::socket(AF_INET6, SOCK_STREAM));
      const int off = 0;
      (void)::setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
      if (guarded) TRY(bypass::Doors::guard(listener.get()));
      const std::uint16_t port = guarded ? 9998 : 9999;
      const probe::Address all = probe::at("::", port);
      if (::bind(listener.get(), all.get(), all.length) != 0 || ::listen(listener.get(), 5) != 0)
        return fail_errno("listen");
      const UniqueFd client = TRY(dial(SOCK_STREAM, "127.0.0.1", port));
      const UniqueFd taken = TRY(accept_one(listener.get()));
      TRY(send_text(client.get(), "word"));
      seen += TRY(receive_some(taken.get()));
      const probe::Address canary = probe::at("127.0.0.1", probe::kCanary);
      const int v4 = AF_INET;
      (void)::setsockopt(taken.get(), IPPROTO_IPV6, IPV6_ADDRFORM, &v4, sizeof v4);
      sockaddr nobody{};
      nobody.sa_family = AF_UNSPEC;
      (void)::connect(taken.get(), &nobody, sizeof nobody);
      (void)::fcntl(taken.get(), F_SETFL, O_NONBLOCK);
      (void)::setsockopt(taken.get(), SOL_SOCKET, SO_DETACH_FILTER, &off, sizeof off);
      (void)::connect(taken.get(), canary.get(), canary.length);
      pollfd poll{taken.get(), POLLOUT, 0};
      seen += ::poll(&poll, 1, 300) == 1 && (poll.revents & POLLERR) == 0 ? " leads elsewhere, " : " leads nowhere";
    }
    return seen;
  };
  const auto seen = world.host.run(body);
  REQUIRE(seen);
  CHECK(*seen == "word leads elsewhere, word leads nowhere");
}

TEST_CASE("doors: a connection that was handed over leads nowhere else", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  const PodRun seen = run(world, with_doors({}), {"door-attacks"}, 120'000);
  INFO(seen.out);
  CHECK(seen.status == 0);
  CHECK_FALSE(world.heard());
}
