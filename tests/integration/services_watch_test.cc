// SPDX-License-Identifier: Apache-2.0
// What ports are made of, read from a server that goes away, comes back, and has forgotten; and what is told to one.
#include <catch2/catch.hpp>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>

#include "launcher/services/announce.h"
#include "launcher/services/followers.h"
#include "tests/support/api_server.h"

using namespace sublet;
using namespace sublet::launcher;
using nlohmann::json;

namespace {

json service(const std::string& name, const char* version) {
  return {{"metadata", {{"namespace", "n"}, {"name", name}, {"uid", name}, {"resourceVersion", version}}}};
}

std::string list(std::vector<json> items, const char* version) {
  return "200 " + json{{"metadata", {{"resourceVersion", version}}}, {"items", std::move(items)}}.dump();
}

std::string event(const char* type, const json& object) {
  return json{{"type", type}, {"object", object}}.dump() + "\n";
}

std::string names(const ServiceStore& store) {
  std::string all;
  const auto world = store.world();
  if (!world) return "none";
  for (const ServiceObject& each : world->services) all += each.name + " ";
  return all;
}

// What has been asked for, from any thread.
class Asked {
 public:
  std::size_t add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    all_.push_back(what);
    return all_.size();
  }
  [[nodiscard]] std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> all_;
};

template <typename Condition>
bool within(std::chrono::seconds time, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (!condition() && std::chrono::steady_clock::now() < deadline) (void)::poll(nullptr, 0, 10);
  return condition();
}

ClientPlan plan_of(std::uint16_t port) {
  ClientPlan made = plan(port);
  made.socket = [] { return sys::socket(AF_INET, SOCK_STREAM); };
  return made;
}

}  // namespace

TEST_CASE("services: a server that restarts under the watch", "[services]") {
  // What it answers about Services; it has seen 20 changes when it is back, and knows of none before.
  struct Step {
    const char* asked;  // how the question ends
    std::string answer;
    const char* before;  // what is known when it is asked
  };
  const std::string half = event("ADDED", service("half", "7"));
  const std::vector<Step> steps = {
      {"limit=250", list({service("a", "1")}, "5"), "none"},
      {"resourceVersion=5", "cut " + event("ADDED", service("b", "6")) + half.substr(0, half.size() / 2), "a "},
      {"resourceVersion=6", "503 starting", "a b "},
      {"resourceVersion=6", "403 no roles yet", "a b "},
      {"limit=250", "403 no roles yet", "a b "},
      {"limit=250", "cut {\"items\": [", "a b "},
      {"limit=250", list({service("b", "6"), service("c", "19")}, "20"), "a b "},
      {"resourceVersion=20", "200 " + event("DELETED", service("b", "21")), "b c "},
      {"resourceVersion=21", "200 " + event("ERROR", {{"code", 410}, {"reason", "Expired"}}), "c "},
      {"limit=250", list({service("d", "30")}, "31"), "c "},
      {"resourceVersion=31", "410 {\"message\": \"too old\"}", "d "},
      {"limit=250", list({service("e", "40")}, "41"), "d "},
      {"resourceVersion=41", "200 " + event("ADDED", service("f", "42")), "e "},
  };
  Asked asked;
  Asked known;
  ServiceStore store([] {}, false);
  for (const ServiceKind kind : {ServiceKind::kSlices, ServiceKind::kPods}) store.watched(kind).replace({});
  ApiServer server([&](const Request& request) -> std::string {
    // The other kinds have nothing, for ever.
    if (!request.path.starts_with("/api/v1/services"))
      return request.path.find("watch=true") == std::string::npos ? list({}, "1") : "";
    const std::size_t step = asked.add(request.path);
    known.add(names(store));
    return step <= steps.size() ? steps[step - 1].answer : "503 that was all";
  });
  {
    const Followers followers(plan_of(server.port()), store, false);
    REQUIRE(within(std::chrono::seconds(60), [&] { return asked.all().size() > steps.size(); }));
  }
  const auto questions = asked.all();
  const auto states = known.all();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    CAPTURE(i, questions[i]);
    CHECK(questions[i].ends_with(steps[i].asked));
    if (i > 0) CHECK(states[i] == steps[i].before);
  }
  CHECK(names(store) == "e f ");
}

TEST_CASE("services: what is told while the server is away is told when it is back", "[services]") {
  Asked told;
  std::atomic<int> away{2};
  ApiServer server([&](const Request& request) -> std::string {
    if (away > 0) return --away == 0 ? "403 no roles yet" : "503 starting";
    told.add(request.method + " " + request.path + " " + request.body);
    if (request.path == "/never") return "422 {}";
    if (request.path == "/gone") return "404 {}";
    return "200 {}";
  });
  Announcer announcer(plan(server.port()));
  announcer.post("/events", R"({"n":1})");
  announcer.patch("/never", R"({"n":2})");
  announcer.patch("/gone", R"({"n":3})");
  announcer.patch("/service", R"({"n":4})");
  announcer.patch("/service", R"({"n":5})");
  REQUIRE(within(std::chrono::seconds(60), [&] { return told.all().size() >= 4; }));
  announcer.post("/last", R"({"n":6})");
  REQUIRE(within(std::chrono::seconds(60), [&] { return told.all().size() >= 5; }));
  auto all = told.all();
  CHECK(all.back() == R"(POST /last {"n":6})");
  std::sort(all.begin(), all.end());
  CHECK(all == std::vector<std::string>{R"(PATCH /gone {"n":3})", R"(PATCH /never {"n":2})",
                                        R"(PATCH /service {"n":5})", R"(POST /events {"n":1})",
                                        R"(POST /last {"n":6})"});
}
