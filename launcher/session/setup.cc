// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/setup.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "base/fs.h"
#include "base/handle.h"
#include "base/sys.h"
#include "launcher/cluster/machine.h"
#include "launcher/node/paths.h"
#include "netns/resolv_conf.h"

namespace sublet::launcher {
namespace {

Result<bool> has_entries(const std::string& path) {
  Handle<DIR, ::closedir> directory(::opendir(path.c_str()));
  if (!directory) return false;
  int entries = 0;
  while (::readdir(directory.get()) != nullptr) ++entries;
  return entries > 2;
}

// What is in the host's /, links apart from the rest.
Result<void> read_top_level(RootFacts& facts) {
  Handle<DIR, ::closedir> root(::opendir("/"));
  if (!root) return fail_errno("open /");
  while (const dirent* entry = ::readdir(root.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    std::array<char, PATH_MAX> target;
    ssize_t length = ::readlink(("/" + name).c_str(), target.data(), target.size());
    if (length >= 0)
      facts.top_links.push_back(name + "=" + std::string(target.data(), static_cast<std::size_t>(length)));
    else
      facts.top_level.push_back(name);
  }
  return {};
}

Result<std::vector<Cidr>> denied_networks(const Plan& plan) {
  std::vector<Cidr> denied;
  for (const std::string& prefix : plan.config.deny) denied.push_back(TRY(parse_cidr(prefix)));
  return denied;
}

Result<netns::TapOrders> tap_orders(const Plan& plan, const netns::ResolvConf& host) {
  Cidr v4 = TRY(parse_cidr(plan.addresses.node_cidr));
  std::optional<Cidr> v6;
  if (!plan.addresses.node6_cidr.empty()) v6 = TRY(parse_cidr(plan.addresses.node6_cidr));
  netns::TapOrders orders = TRY(netns::make_tap_orders(v4, v6, plan.mtu, netns::resolv_conf_for_driver(host)));
  orders.denied = TRY(denied_networks(plan));
  return orders;
}

constexpr mode_t kPrivate = 0700;

Result<void> write_files(const std::string& state_dir, const std::vector<StateFile>& files) {
  for (const StateFile& file : files) {
    const std::string path = state_dir + "/" + file.path;
    TRY(fs::make_directories(path.substr(0, path.rfind('/')), kPrivate));
    TRY(fs::write_file(path, file.text));
  }
  return {};
}

}  // namespace

Result<bypass::BrokerOrders> broker_orders(const Plan& plan) {
  bypass::BrokerOrders orders;
  orders.device = plan.config.device;
  const Addresses& addresses = plan.addresses;
  for (const std::string& prefix : {addresses.node_cidr, addresses.node6_cidr, addresses.pods, addresses.services})
    if (!prefix.empty()) orders.cluster.push_back(TRY(sublet::parse_cidr(prefix)));
  orders.denied = TRY(denied_networks(plan));
  orders.policies = plan.policy;
  orders.ports = plan.ports;
  return orders;
}

PkiPlan pki_plan(const Plan& plan) {
  PkiPlan pki;
  pki.node_name = plan.node_name;
  pki.node_ips = {plan.addresses.node};
  pki.service_ip = plan.addresses.api_service;
  pki.cluster_domain = plan.config.cluster_domain;
  return pki;
}

Result<void> write_state(const std::string& state_dir, const Plan& plan, const ClusterPki& pki) {
  using namespace state_layout;
  auto folder = [&](std::string_view name) { return state_dir + "/" + std::string(name); };
  for (std::string_view name : {kRoot, kPki, kEtc, kSockets, kLogs}) TRY(fs::make_directories(folder(name), kPrivate));
  // Seen inside by pods' users too; the state directory around them is 0700.
  constexpr mode_t kOpen = 0755;
  for (const char* name : {"tmp", "lib", "lib/etcd", "lib/kubelet", "lib/containerd", "lib/cni", "lib/sublet", "varlog",
                           "varlog/pods", "varlog/containers"})
    TRY(fs::make_directories(folder(name), kOpen));
  constexpr mode_t kSticky = 01777;
  TRY(sys::chmod(folder(kTmp), kSticky));
  TRY(sys::chmod(folder("lib/etcd"), kPrivate));
  if (!plan.config.log_dir.empty()) TRY_WHILE("logs.dir", fs::make_directories(plan.config.log_dir, kPrivate));
  TRY(write_files(state_dir, all_files(plan, pki)));
  TRY(write_files(state_dir, machine_files(plan.share, read_machine())));
  for (const auto& [host, registry] : plan.config.registries) {
    if (registry.ca_file.empty()) continue;
    std::string pem = TRY_WHILE("registries.\"" + host + "\".ca_file", fs::read_file(registry.ca_file));
    TRY(fs::write_file(folder("etc/ca-" + host + ".pem"), pem));
  }
  return {};
}

Result<void> write_machine(const std::string& state_dir, const Plan& plan) {
  // What is not cut any more has no file.
  TRY(fs::remove_tree(state_dir + "/" + kMachineFolder));
  TRY(write_files(state_dir, machine_files(plan.share, read_machine())));
  return write_files(state_dir, {oci_file(plan)});
}

Result<NodeOrders> node_orders(const std::string& state_dir, const Plan& plan, const std::string& wrapper) {
  auto host_text = fs::read_file("/etc/resolv.conf");  // a host without one has no name server: the resolver's default
  const netns::ResolvConf host = netns::parse_resolv_conf(host_text ? *host_text : "");
  NodeOrders orders;
  orders.hostname = plan.node_name;
  orders.state_dir = state_dir;
  orders.link.tap = plan.tap;
  orders.link.services = plan.addresses.services;
  orders.link.network = TRY(tap_orders(plan, host));

  RootFacts facts;
  facts.state_dir = state_dir;
  TRY(read_top_level(facts));
  facts.host_has_opt = TRY(has_entries("/opt"));
  facts.writable = writable_places(plan.writable, state_dir);
  facts.fresh_proc = plan.fresh_proc;
  facts.fresh_sysfs = plan.fresh_sysfs;
  facts.own_cgroup = plan.cgroups.any();
  if (plan.tap)
    facts.resolv_conf = netns::resolv_conf_inside(host, netns::virtual_name_servers(orders.link.network, host));
  facts.read_only_binds = {{plan.components_dir, kComponentsInside}, {wrapper, kWrapperInside}};
  for (const std::string& path : plan.devices.shown)
    if (fs::exists(path)) facts.read_only_binds.emplace_back(path, path);
  for (const BindMount& bind : plan.config.binds)
    (bind.read_only ? facts.read_only_binds : facts.binds)
        .emplace_back(bind.source, bind.target.empty() ? bind.source : bind.target);
  if (!plan.config.log_dir.empty()) facts.binds.emplace_back(plan.config.log_dir, inside_path(state_layout::kLogs));
  orders.mounts = plan_root(facts);
  orders.mounts.push_back({MountStep::Kind::kSymlink, inside_path("etc/10-sublet.conflist"),
                           "/etc/cni/net.d/10-sublet.conflist", "", false});
  orders.services = TRY(all_services(plan));
  orders.bypass = plan.bypass;
  orders.cgroup = plan.cgroups.any();
  return orders;
}

}  // namespace sublet::launcher
