// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/drain.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

using nlohmann::json;

json pod(const char* name, const char* phase, const char* node, json spec = json::object()) {
  spec["nodeName"] = node;
  return {{"metadata", {{"name", name}, {"namespace", "apps"}}}, {"spec", spec}, {"status", {{"phase", phase}}}};
}

}  // namespace

TEST_CASE("drain: each running pod is deleted, with no more grace than there is time", "[session]") {
  json ending = pod("ending", "Running", "n1");
  ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  const json pods = {
      {"items",
       {pod("usual", "Running", "n1"), pod("quick", "Running", "n1", {{"terminationGracePeriodSeconds", 5}}),
        pod("at-once", "Running", "n1", {{"terminationGracePeriodSeconds", 0}}), pod("starting", "Pending", "n1"),
        pod("waiting", "Pending", ""), pod("done", "Succeeded", "n1"), pod("broken", "Failed", "n1"), ending}}};
  const std::string base = "/api/v1/namespaces/apps/pods/";
  CHECK(deletions(pods, std::chrono::seconds(20)) ==
        std::vector<std::string>{base + "usual?gracePeriodSeconds=20", base + "quick?gracePeriodSeconds=5",
                                 base + "at-once?gracePeriodSeconds=0", base + "starting?gracePeriodSeconds=20"});
  CHECK(deletions(pods, std::chrono::seconds(0)).front() == base + "usual?gracePeriodSeconds=1");
  CHECK(running_pods(pods) == 5);
}

TEST_CASE("drain: an answer that is no list is an empty one", "[session]") {
  for (const char* text : {"{}", "[]", "null", R"({"items": null})", R"({"items": 3})"}) {
    CHECK(deletions(json::parse(text), std::chrono::seconds(1)).empty());
    CHECK(running_pods(json::parse(text)) == 0);
  }
}

}  // namespace sublet::launcher
