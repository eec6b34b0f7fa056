// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "tests/unit/launcher/plan/samples.h"

namespace sublet::launcher {
namespace {

Plan rich_plan() {
  Facts facts = test::good_facts();
  facts.overlayfs = {false, "no \"such\" device\n"};
  Plan plan = test::good_plan({}, facts);
  plan.components_dir = "/opt/sublet";
  plan.writable = {"/home/änn", "/a b"};
  plan.archives = {"/images/pause.tar"};
  plan.credentials = {{"registry.example.org", {"ann", "hunter2", ""}}};
  return plan;
}

TEST_CASE("plan as JSON: says what the plan says", "[plan]") {
  const Plan plan = rich_plan();
  const std::string text = plan_as_json(plan);
  const auto json = nlohmann::json::parse(text, nullptr, false);
  REQUIRE(json.is_object());
  CHECK(text.ends_with("}\n"));
  CHECK(json["schema"] == 1);
  CHECK(json["name"] == "default");
  CHECK(json["node"] == "node-7");
  CHECK(json["state_base"] == "/tmp");
  CHECK(json["components"] == "/opt/sublet");
  CHECK(json["identity"]["rung"] == "subuid");
  CHECK(json["identity"]["uid_map"].size() == plan.identity.uids.size());
  CHECK(json["identity"]["uid_map"][0]["outside"] == plan.identity.uids[0].outside);
  CHECK(json["network"]["out"] == "tap");
  CHECK(json["network"]["ipv6"] == true);
  CHECK(json["network"]["services"] == "10.43.0.0/16");
  CHECK(json["service_proxy"] == "nftables");
  CHECK(json["snapshotter"] == "native");
  CHECK(json["proc"] == "fresh");
  CHECK(json["writable"] == nlohmann::json(plan.writable));
  CHECK(json["images"] == nlohmann::json(plan.archives));
  CHECK(json["lost"] == nlohmann::json(plan.lost));
}

TEST_CASE("plan as text: a row each, and what is lost", "[plan]") {
  const std::string text = plan_as_text(rich_plan());
  for (const char* row : {"cluster        default\n", "node           node-7\n", "state below    /tmp\n",
                          "components     /opt/sublet\n", "network out    tap, MTU 65520, IPv4 and IPv6\n",
                          "service proxy  nftables\n", "snapshotter    native\n", "proc, sysfs    fresh, fresh\n",
                          "writable       /home/änn /a b\n", "lost:          cgroups: ", "lost:          images: "})
    CHECK_THAT(text, Catch::Contains(row));
}

TEST_CASE("plan: no rendering shows a password", "[plan]") {
  CHECK(plan_as_json(rich_plan()).find("hunter2") == std::string::npos);
  CHECK(plan_as_text(rich_plan()).find("hunter2") == std::string::npos);
}

}  // namespace
}  // namespace sublet::launcher
