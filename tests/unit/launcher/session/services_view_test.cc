// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/services_view.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

NodeReport report(const std::string& service, const std::string& event, int pid = 0, const std::string& detail = {}) {
  NodeReport made{.kind = NodeReport::Kind::kService};
  made.service = service;
  made.event = event;
  made.pid = pid;
  made.detail = detail;
  return made;
}

TEST_CASE("services view: from waiting to ready, over an end and a restart", "[session]") {
  ServicesView view({"etcd", "kubelet"});
  struct Step {
    NodeReport report;
    const char* state;
    int restarts;
    int pid;
    const char* last_end;
  };
  CHECK(view.as_json()[0]["state"] == "waiting");
  for (const Step& step : {
           Step{report("etcd", "started", 7), "starting", 0, 7, ""},
           Step{report("etcd", "ready"), "ready", 0, 7, ""},
           Step{report("etcd", "ended", 0, "exit status 1"), "ended", 0, 0, "exit status 1"},
           Step{report("etcd", "started", 9), "starting", 1, 9, "exit status 1"},
           Step{report("etcd", "ready"), "ready", 1, 9, "exit status 1"},
           Step{report("etcd", "given-up", 0, "failed 5 times"), "given-up", 1, 9, "failed 5 times"},
       }) {
    CAPTURE(step.report.event);
    view.apply(step.report);
    const auto etcd = view.as_json()[0];
    CHECK(etcd["name"] == "etcd");
    CHECK(etcd["state"] == step.state);
    CHECK(etcd["restarts"] == step.restarts);
    CHECK(etcd["pid"] == step.pid);
    CHECK(etcd["last_end"] == step.last_end);
    CHECK(view.as_json()[1]["state"] == "waiting");
  }
}

TEST_CASE("services view: in the order given, and deaf to what it does not know", "[session]") {
  ServicesView view({"b", "a"});
  view.apply(report("c", "started", 5));
  const auto json = view.as_json();
  REQUIRE(json.is_array());
  REQUIRE(json.size() == 2);
  CHECK(json[0]["name"] == "b");
  CHECK(json[1]["name"] == "a");
  CHECK(ServicesView({}).as_json() == nlohmann::json::array());
}

}  // namespace
}  // namespace sublet::launcher
