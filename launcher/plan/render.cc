// SPDX-License-Identifier: Apache-2.0
// The plan for people and for programs.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "launcher/plan/plan.h"

namespace sublet::launcher {
namespace {

nlohmann::json map_as_json(const std::vector<IdMapEntry>& map) {
  nlohmann::json list = nlohmann::json::array();
  for (const IdMapEntry& entry : map)
    list.push_back({{"inside", entry.inside}, {"outside", entry.outside}, {"count", entry.count}});
  return list;
}

}  // namespace

std::string plan_as_json(const Plan& plan) {
  const Addresses& a = plan.addresses;
  return nlohmann::json{{"schema", 1},
                        {"name", plan.name},
                        {"node", plan.node_name},
                        {"state_base", plan.state_base},
                        {"components", plan.components_dir},
                        {"identity",
                         {{"rung", name_of(plan.identity.rung)},
                          {"ids", plan.identity.id_limit},
                          {"uid_map", map_as_json(plan.identity.uids)},
                          {"gid_map", map_as_json(plan.identity.gids)}}},
                        {"cgroups", "none"},
                        {"network",
                         {{"out", plan.tap ? "tap" : "none"},
                          {"mtu", plan.mtu},
                          {"node", a.node},
                          {"node_cidr", a.node_cidr},
                          {"ipv6", !a.node6_cidr.empty()},
                          {"pods", a.pods},
                          {"services", a.services},
                          {"dns", a.dns_service}}},
                        {"cores", to_text(plan.cores.empty() ? plan.cpus : plan.cores)},
                        {"service_proxy", name_of(plan.proxy)},
                        {"snapshotter", name_of(plan.snapshotter)},
                        {"proc", plan.fresh_proc ? "fresh" : "host"},
                        {"sysfs", plan.fresh_sysfs ? "fresh" : "host"},
                        {"writable", plan.writable},
                        {"images", plan.archives},
                        {"lost", plan.lost}}
             .dump(2) +
         "\n";
}

std::string plan_as_text(const Plan& plan) {
  const Addresses& a = plan.addresses;
  std::string text;
  auto row = [&](const char* name, const std::string& value) { text += fmt::format("{:<14} {}\n", name, value); };
  row("cluster", plan.name);
  row("node", plan.node_name);
  row("state below", plan.state_base);
  row("components", plan.components_dir);
  row("identity", fmt::format("{} ({} ids)", name_of(plan.identity.rung), plan.identity.id_limit));
  row("cgroups", "none (pods share the job's cgroup)");
  row("network out",
      plan.tap ? fmt::format("tap, MTU {}{}", plan.mtu, a.node6_cidr.empty() ? "" : ", IPv4 and IPv6") : "none");
  row("addresses", fmt::format("node {}, pods {}, services {}", a.node, a.pods, a.services));
  row("daemons' CPUs", plan.cores.empty() ? "all" : to_text(plan.cores));
  row("service proxy", name_of(plan.proxy));
  row("snapshotter", name_of(plan.snapshotter));
  row("proc, sysfs",
      fmt::format("{}, {}", plan.fresh_proc ? "fresh" : "the host's", plan.fresh_sysfs ? "fresh" : "the host's"));
  row("writable", join(plan.writable, " "));
  row("images", join(plan.archives, " "));
  for (const std::string& lost : plan.lost) text += "lost:          " + lost + "\n";
  return text;
}

}  // namespace sublet::launcher
