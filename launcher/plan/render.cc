// SPDX-License-Identifier: Apache-2.0
// The plan for people and for programs.
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "launcher/allocation/deadline.h"
#include "launcher/plan/plan.h"

namespace sublet::launcher {
namespace {

nlohmann::json map_as_json(const std::vector<IdMapEntry>& map) {
  nlohmann::json list = nlohmann::json::array();
  for (const IdMapEntry& entry : map)
    list.push_back({{"inside", entry.inside}, {"outside", entry.outside}, {"count", entry.count}});
  return list;
}

template <typename T>
nlohmann::json or_null(bool known, const T& value) {
  return known ? nlohmann::json(value) : nlohmann::json();
}

}  // namespace

nlohmann::json job_as_json(const Allocation& job) {
  return {{"manager", job.manager},
          {"id", job.id},
          {"step", or_null(!job.step.empty(), job.step)},
          {"array", or_null(!job.array.empty(), job.array)},
          {"components", job.components},
          {"hosts", job.hosts},
          {"host_index", or_null(job.host_index.has_value(), job.host_index.value_or(0))},
          {"tasks", or_null(job.tasks != 0, job.tasks)},
          {"end", or_null(job.end.has_value(), job.end.value_or(0))},
          {"end_by", or_null(job.end.has_value(), job.end_by)}};
}

nlohmann::json share_as_json(const Share& share, std::uint64_t memory_for_pods) {
  return {{"cpus", share.cpu_count()},
          {"cpu_list", to_text(share.cpus)},
          {"cpus_by", share.cpus_by},
          {"memory_bytes", share.memory_bytes},
          {"memory_by", share.memory_by},
          {"pods_memory_bytes", memory_for_pods},
          {"gpus", or_null(share.gpus.has_value(), share.gpus.value_or(std::vector<std::string>()))},
          {"gpus_by", or_null(share.gpus.has_value(), share.gpus_by)}};
}

nlohmann::json devices_as_json(const DevicePlan& devices) {
  nlohmann::json object = nlohmann::json::object();
  for (const DeviceResource& resource : devices.resources) object[resource.name] = resource.units.size();
  return object;
}

std::string job_text(const Allocation& job, std::int64_t now) {
  if (job.manager == "none") return "none";
  std::string text = job.manager + " " + job.id;
  if (!job.array.empty()) text += ", array " + job.array;
  if (!job.step.empty()) text += ", step " + job.step;
  if (job.host_index) text += fmt::format(", host {} of {}", *job.host_index + 1, job.hosts.size());
  if (job.end) text += ", ends in " + time_text(std::chrono::seconds(*job.end - now));
  return text;
}

std::string share_text(const Share& share, std::uint64_t memory_for_pods) {
  std::string text = fmt::format("{} CPU{} (by {}), {} (by {})", share.cpu_count(), share.cpu_count() == 1 ? "" : "s",
                                 share.cpus_by, human_bytes(share.memory_bytes), share.memory_by);
  if (share.gpus)
    text += fmt::format(", {} GPU{} (by {})", share.gpus->size(), share.gpus->size() == 1 ? "" : "s", share.gpus_by);
  return text + fmt::format("; for pods {}", human_bytes(memory_for_pods));
}

std::string plan_as_json(const Plan& plan) {
  const Addresses& a = plan.addresses;
  return nlohmann::json{{"schema", 1},
                        {"name", plan.name},
                        {"node", plan.node_name},
                        {"state_base", plan.state_base},
                        {"components", plan.components_dir},
                        {"job", job_as_json(plan.job)},
                        {"share", share_as_json(plan.share, plan.memory_for_pods())},
                        {"devices", devices_as_json(plan.devices)},
                        {"identity",
                         {{"rung", name_of(plan.identity.rung)},
                          {"ids", plan.identity.id_limit},
                          {"uid_map", map_as_json(plan.identity.uids)},
                          {"gid_map", map_as_json(plan.identity.gids)}}},
                        {"cgroups", name_of(plan.cgroups.rung)},
                        {"cgroup_controllers", plan.cgroups.controllers},
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
                        {"network_policy", plan.policy ? "nftables" : "none"},
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
  row("job", job_text(plan.job, std::time(nullptr)));
  row("share", share_text(plan.share, plan.memory_for_pods()));
  row("devices", devices_text(plan.devices));
  row("identity", fmt::format("{} ({} ids)", name_of(plan.identity.rung), plan.identity.id_limit));
  row("cgroups", plan.cgroups.any()
                     ? fmt::format("{}, with {}", name_of(plan.cgroups.rung), join(plan.cgroups.controllers, " "))
                     : "none (pods share the job's cgroup)");
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
