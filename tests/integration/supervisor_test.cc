// SPDX-License-Identifier: Apache-2.0
// The supervisor with real processes: order, readiness, restart, giving up, ordered stop.
#include "launcher/supervisor/supervisor.h"

#include <signal.h>

#include <catch2/catch.hpp>

#include "base/fs.h"

using namespace sublet;
using namespace sublet::launcher;
using Kind = ServiceEvent::Kind;

namespace {

struct Bench {
  EventLoop loop = *EventLoop::create();
  fs::ScopedTempDir directory = *fs::ScopedTempDir::create();
  std::vector<ServiceEvent> events;
  std::unique_ptr<Supervisor> supervisor;

  Service shell(std::string name, const std::string& script, std::vector<std::string> after = {}) const {
    Service service;
    service.name = std::move(name);
    service.argv = {"/bin/sh", "-c", script};
    service.env = {"PATH=/usr/bin:/bin"};
    service.log_path = directory.path() + "/" + service.name + ".log";
    service.after = std::move(after);
    return service;
  }

  void start(std::vector<Service> services) {
    supervisor = std::make_unique<Supervisor>(
        loop, *in_start_order(std::move(services)), [](const Service&, Command&) -> Result<void> { return {}; },
        [this](const ServiceEvent& event) { events.push_back(event); });
    supervisor->start();
  }

  int count(Kind kind, const std::string& service) const {
    return static_cast<int>(std::count_if(events.begin(), events.end(), [&](const ServiceEvent& event) {
      return event.kind == kind && event.service == service;
    }));
  }

  // Runs the loop until the condition holds; false after ten seconds.
  bool until(const std::function<bool()>& condition) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition() && std::chrono::steady_clock::now() < deadline)
      REQUIRE(loop.run_once(std::chrono::milliseconds(50)));
    return condition();
  }

  bool stop() {
    bool stopped = false;
    supervisor->stop([&] { stopped = true; });
    return until([&] { return stopped; });
  }
};

}  // namespace

TEST_CASE("supervisor: a service waits until what it needs is told to be ready", "[supervisor]") {
  Bench bench;
  Service first = bench.shell("first", "exec sleep 1000");
  first.readiness.kind = Readiness::Kind::kTold;
  bench.start({first, bench.shell("second", "exec sleep 1000", {"first"})});
  REQUIRE(bench.until([&] { return bench.count(Kind::kStarted, "first") == 1; }));
  for (int round = 0; round < 5; ++round) REQUIRE(bench.loop.run_once(std::chrono::milliseconds(10)));
  CHECK(bench.count(Kind::kStarted, "second") == 0);
  bench.supervisor->mark_ready("first");
  CHECK(bench.until([&] { return bench.count(Kind::kReady, "second") == 1; }));
  CHECK(bench.stop());
}

TEST_CASE("supervisor: a milestone runs nothing, and is reached when told", "[supervisor]") {
  Bench bench;
  Service milestone;
  milestone.name = "milestone";
  milestone.readiness.kind = Readiness::Kind::kTold;
  bench.start({milestone, bench.shell("after", "exec sleep 1000", {"milestone"})});
  REQUIRE(bench.loop.run_once(std::chrono::milliseconds(10)));
  CHECK(bench.events.empty());
  bench.supervisor->mark_ready("milestone");
  CHECK(bench.until([&] { return bench.count(Kind::kReady, "after") == 1; }));
  CHECK(bench.stop());
}

TEST_CASE("supervisor: one that ends is started again, and its log goes on", "[supervisor]") {
  Bench bench;
  bench.start({bench.shell("flaky", "echo run; sleep 0.05; exit 3")});
  REQUIRE(bench.until([&] { return bench.count(Kind::kStarted, "flaky") >= 3; }));
  CHECK(bench.count(Kind::kGivenUp, "flaky") == 0);  // it was ready (started) each time
  auto ended = std::find_if(bench.events.begin(), bench.events.end(), [](auto& e) { return e.kind == Kind::kEnded; });
  CHECK(ended->detail == "exit status 3");
  CHECK(fs::read_file(bench.directory.path() + "/flaky.log")->starts_with("run\nrun\n"));
  CHECK(bench.stop());
}

TEST_CASE("supervisor: one that never gets ready is given up", "[supervisor]") {
  Bench bench;
  Service broken = bench.shell("broken", "exit 1");
  broken.readiness = {Readiness::Kind::kUnix, "", 0, bench.directory.path() + "/never"};
  bench.start({broken});
  REQUIRE(bench.until([&] { return bench.count(Kind::kGivenUp, "broken") == 1; }));
  CHECK(bench.count(Kind::kStarted, "broken") == kMaxFailedStarts);
  CHECK_THAT(bench.events.back().detail, Catch::Contains("exit status 1"));
  CHECK(bench.stop());
}

TEST_CASE("supervisor: a program that does not exist is given up, with the reason", "[supervisor]") {
  Bench bench;
  Service missing = bench.shell("missing", "");
  missing.argv = {"/no/such/program"};
  bench.start({missing});
  REQUIRE(bench.until([&] { return bench.count(Kind::kGivenUp, "missing") == 1; }));
  CHECK_THAT(bench.events.back().detail, Catch::Contains("No such file"));
}

TEST_CASE("supervisor: stops in reverse order, and kills what ignores SIGTERM", "[supervisor]") {
  Bench bench;
  Service stubborn = bench.shell("stubborn", "trap '' TERM; while :; do sleep 0.1; done", {"base"});
  stubborn.stop_grace = std::chrono::milliseconds(100);
  bench.start({bench.shell("base", "exec sleep 1000"), stubborn});
  REQUIRE(bench.until([&] { return bench.count(Kind::kReady, "stubborn") == 1; }));
  CHECK(bench.stop());
  std::vector<std::string> order;
  for (const auto& event : bench.events)
    if (event.kind == Kind::kStopped) order.push_back(event.service);
  CHECK(order == std::vector<std::string>{"stubborn", "base"});
}

TEST_CASE("supervisor: one that is restarted comes back", "[supervisor]") {
  Bench bench;
  bench.start({bench.shell("coredns", "exec sleep 1000")});
  REQUIRE(bench.until([&] { return bench.count(Kind::kReady, "coredns") == 1; }));
  bench.supervisor->restart("coredns");
  bench.supervisor->restart("nobody");
  CHECK(bench.until([&] { return bench.count(Kind::kReady, "coredns") == 2; }));
  CHECK(bench.stop());
}

TEST_CASE("supervisor: one killed for good stays down", "[supervisor]") {
  Bench bench;
  bench.start({bench.shell("kubelet", "exec sleep 1000")});
  REQUIRE(bench.until([&] { return bench.count(Kind::kReady, "kubelet") == 1; }));
  bench.supervisor->kill_for_good("kubelet");
  CHECK(bench.until([&] { return bench.count(Kind::kStopped, "kubelet") == 1; }));
  for (int round = 0; round < 20; ++round) REQUIRE(bench.loop.run_once(std::chrono::milliseconds(10)));
  CHECK(bench.count(Kind::kStarted, "kubelet") == 1);
}
