// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/choose.h"

#include <nlohmann/json.hpp>

#include "launcher/devices/settings.h"
#include "tests/unit/launcher/devices/samples.h"

namespace sublet::launcher {
namespace {

using namespace test;

DevicePlan planned(const Config& config, const DeviceFacts& facts, const Share& share = {},
                   HostGroups groups = HostGroups::kLost) {
  auto plan = plan_devices(config, facts, share, groups);
  INFO((plan ? "" : to_string(plan.error())));
  REQUIRE(plan);
  return *plan;
}

Config wishing(std::vector<DeviceWish> wishes) {
  Config config;
  config.devices = std::move(wishes);
  return config;
}

TEST_CASE("devices: a host with nothing offers nothing and says nothing", "[devices]") {
  const DevicePlan plan = planned({}, {});
  CHECK(plan.resources.empty());
  CHECK(plan.lost.empty());
  CHECK(devices_text(plan) == "none");
}

TEST_CASE("devices: a wish becomes as many units as it counts, several wishes of one resource add up", "[devices]") {
  DeviceFacts facts;
  facts.nodes = {{"/dev/a", open_node()}, {"/dev/b", open_node()}, {"/dev/c", open_node()}};
  const DevicePlan plan = planned(wishing({{"x.org/a", {"/dev/a", "/dev/b"}, {}, 2, "f:1"},
                                           {"x.org/c", {"/dev/c"}, {}, 1, "f:5"},
                                           {"x.org/a", {"/dev/c"}, {}, 1, "f:9"}}),
                                  facts);
  CHECK(devices_text(plan) == "x.org/a 3, x.org/c 1");
  CHECK(plan.resources[0].units == std::vector<DeviceUnit>{{"0", {"/dev/a", "/dev/b"}, {}},
                                                           {"1", {"/dev/a", "/dev/b"}, {}},
                                                           {"2", {"/dev/c"}, {}}});
  CHECK(plan.lost.empty());
}

TEST_CASE("devices: what a host lacks is not offered, and why is said", "[devices]") {
  struct Row {
    NodeFact node;
    HostGroups groups;
    std::string reason;  // empty: offered
  };
  const std::vector<Row> rows = {
      {{false, false, Access::kNone, "No such file or directory"},
       HostGroups::kKept,
       "/dev/a: No such file or directory"},
      {closed_node(), HostGroups::kKept, "/dev/a: Operation not permitted"},
      {open_node(Access::kGroup), HostGroups::kLost, "open to you by a group"},
      {open_node(Access::kGroup), HostGroups::kKept, ""},
      {open_node(Access::kOwner), HostGroups::kLost, ""},
      {open_node(), HostGroups::kLost, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.reason);
    DeviceFacts facts;
    facts.nodes["/dev/a"] = row.node;
    const DevicePlan plan = planned(wishing({{"x.org/a", {"/dev/a"}, {}, 1, "site.toml:4"}}), facts, {}, row.groups);
    CHECK(plan.resources.empty() == !row.reason.empty());
    if (row.reason.empty()) {
      CHECK(plan.lost.empty());
      continue;
    }
    REQUIRE(plan.lost.size() == 1);
    CHECK(plan.lost[0].starts_with("devices: no x.org/a (by site.toml:4): "));
    CHECK(plan.lost[0].find(row.reason) != std::string::npos);
  }
}

TEST_CASE("devices: a path that is something else is a mistake, named with its place", "[devices]") {
  DeviceFacts facts;
  facts.nodes["/dev/dir"] = {true, false, Access::kNone, "not a device"};
  auto plan =
      plan_devices(wishing({{"x.org/a", {"/dev/dir"}, {}, 1, "/etc/sublet/a.toml:7"}}), facts, {}, HostGroups::kKept);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().what == "/etc/sublet/a.toml:7: devices.paths: /dev/dir is not a device");
  CHECK(plan.error().exit == ExitCode::kUsage);
}

TEST_CASE("devices: by a name of CDI, with the files that have it and what they show of /run", "[devices]") {
  DeviceFacts facts;
  facts.nodes = {{"/dev/a", open_node()}, {"/dev/shut", closed_node()}};
  facts.cdi = {{"/etc/cdi/a.yaml", 0, "A", {{"x.org/c=a", {"/dev/a"}, {"/usr/lib/x", "/var/run/x.sock", "/run/y"}}}},
               {"/run/cdi/b.json", 1, "B", {{"x.org/c=b", {}, {"/run/other"}}}},
               {"/run/cdi/c.json", 1, "C", {{"x.org/c=shut", {"/dev/shut"}, {}}}}};
  const DevicePlan plan = planned(wishing({{"x.org/a", {}, {"x.org/c=a"}, 1, "f:1"},
                                           {"x.org/b", {}, {"x.org/c=none"}, 1, "f:2"},
                                           {"x.org/s", {}, {"x.org/c=shut"}, 1, "f:3"}}),
                                  facts);
  CHECK(devices_text(plan) == "x.org/a 1");
  CHECK(plan.lost ==
        std::vector<std::string>{"devices: no x.org/b (by f:2): no CDI specification here names x.org/c=none",
                                 "devices: no x.org/s (by f:3): x.org/c=shut: /dev/shut: Operation not permitted"});
  REQUIRE(plan.cdi.size() == 1);
  CHECK(plan.cdi[0].name == "a.yaml");
  CHECK(plan.cdi[0].text == "A");
  CHECK(plan.cdi[0].directory == 0);
  CHECK(plan.shown == std::vector<std::string>{"/run/x.sock", "/run/y"});
}

TEST_CASE("devices: the configuration's word goes before what was found, and can leave GPUs out", "[devices]") {
  DeviceFacts facts = nvidia_host(2);
  Config config;
  CHECK(devices_text(planned(config, facts)) == "nvidia.com/gpu 2");
  config.gpus = GpusMode::kOff;
  CHECK(devices_text(planned(config, facts)) == "none");
  config = wishing({{"nvidia.com/gpu", {"/dev/nvidia0"}, {}, 8, "f:1"}});
  CHECK(devices_text(planned(config, facts)) == "nvidia.com/gpu 8");
}

TEST_CASE("devices: the plugin's settings have every unit", "[devices]") {
  DevicePlan plan;
  plan.resources = {{"x.org/a", {{"0", {"/dev/\"a\n"}, {}}, {"1", {}, {"x.org/c=a"}}}}};
  const auto json = nlohmann::json::parse(device_plugin_settings(plan), nullptr, false);
  REQUIRE(json.is_object());
  CHECK(json["resources"][0]["name"] == "x.org/a");
  const auto& devices = json["resources"][0]["devices"];
  CHECK(devices[0] == nlohmann::json({{"id", "0"}, {"nodes", {"/dev/\"a\n"}}, {"cdi", nlohmann::json::array()}}));
  CHECK(devices[1]["cdi"][0] == "x.org/c=a");
}

}  // namespace
}  // namespace sublet::launcher
