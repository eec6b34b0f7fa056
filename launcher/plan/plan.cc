// SPDX-License-Identifier: Apache-2.0
#include "launcher/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/cidr.h"
#include "base/strings.h"
#include "launcher/facts/components.h"
#include "launcher/facts/filesystem.h"
#include "launcher/state/choice.h"

namespace sublet::launcher {
namespace {

// Everything required that is missing, so that nobody has to find them out one by one.
class Complaints {
 public:
  void add(const std::string& what, const std::string& hint) {
    text_ += (text_.empty() ? "" : "\n  ") + what;
    hints_ += (hints_.empty() || hint.empty() ? "" : "\n        ") + hint;
  }
  void need(const Probe& probe, const std::string& what, const std::string& hint) {
    if (!probe.ok) add(what + ": " + probe.reason, hint);
  }
  [[nodiscard]] bool any() const { return !text_.empty(); }
  [[nodiscard]] Unexpected error() const {
    return fail("this host lacks what a cluster needs:\n  " + text_,
                hints_ + (hints_.empty() ? "" : "\n        ") +
                    "`sublet doctor` shows every ladder and what an administrator could change",
                ExitCode::kPrerequisite);
  }

 private:
  std::string text_;
  std::string hints_;
};

Result<std::string> address_in(const Cidr& prefix, std::uint64_t n, const char* key) {
  auto address = nth(prefix, n);
  if (!address)
    return fail(fmt::format("{} {} is too small", key, prefix.text()), "take a wider one", ExitCode::kUsage);
  return address->text();
}

Result<Cidr> prefix4(const std::string& text, const char* key, unsigned longest) {
  Cidr prefix = TRY_WHILE(key, parse_cidr(text));
  if (prefix.address.v6 || prefix.length > longest)
    return fail(fmt::format("{}: {} is no IPv4 prefix of at most {} bits", key, text, longest), "", ExitCode::kUsage);
  return prefix;
}

Result<Addresses> plan_addresses(const Config& config) {
  constexpr unsigned kLongestNode = 24;  // the tap's gateway, name server and the node at .2, .3, .100
  constexpr unsigned kLongestPods = 28;
  constexpr unsigned kLongestServices = 28;  // the DNS Service is at .10
  Cidr node = TRY(prefix4(config.node_cidr, "network.node_cidr", kLongestNode));
  Cidr pods = TRY(prefix4(config.pod_cidr, "network.pod_cidr", kLongestPods));
  Cidr services = TRY(prefix4(config.service_cidr, "network.service_cidr", kLongestServices));
  if (overlap(node, pods) || overlap(node, services) || overlap(pods, services))
    return fail(fmt::format("network.node_cidr {}, pod_cidr {} and service_cidr {} overlap", node.text(), pods.text(),
                            services.text()),
                "choose prefixes that have no address in common", ExitCode::kUsage);
  Addresses addresses;
  addresses.node_cidr = node.text();
  addresses.prefix = node.length;
  addresses.gateway = TRY(address_in(node, 2, "network.node_cidr"));
  addresses.dns = TRY(address_in(node, 3, "network.node_cidr"));
  addresses.node = TRY(address_in(node, 100, "network.node_cidr"));
  addresses.pods = pods.text();
  addresses.pods_first = TRY(address_in(pods, 1, "network.pod_cidr"));
  addresses.services = services.text();
  addresses.api_service = TRY(address_in(services, 1, "network.service_cidr"));
  addresses.dns_service = TRY(address_in(services, 10, "network.service_cidr"));
  if (config.ipv6) addresses.node6_cidr = "fd00::/64";
  return addresses;
}

void choose_proxy(Plan& plan, const Facts& facts, Complaints& complaints) {
  switch (plan.config.proxy) {
    case ProxyMode::kNftables:
      plan.proxy = ProxyMode::kNftables;
      return complaints.need(facts.nftables, "service_proxy.mode is nftables, which does not work here",
                             "install nftables, or leave the mode at \"auto\"");
    case ProxyMode::kIptables:
      plan.proxy = ProxyMode::kIptables;
      return complaints.need(facts.iptables, "service_proxy.mode is iptables, which does not work here",
                             "install iptables, or leave the mode at \"auto\"");
    case ProxyMode::kAuto: break;
  }
  plan.proxy = facts.nftables.ok ? ProxyMode::kNftables : ProxyMode::kIptables;
  if (facts.nftables.ok) return;
  if (facts.iptables.ok)
    plan.lost.push_back("service proxy: iptables instead of nftables (" + facts.nftables.reason + ")");
  else
    complaints.add("neither nftables (" + facts.nftables.reason + ") nor iptables (" + facts.iptables.reason +
                       ") works: Services would not be reachable",
                   "an administrator installs the package nftables (or iptables) and its kernel modules");
}

void choose_snapshotter(Plan& plan, const Facts& facts, Complaints& complaints) {
  plan.snapshotter = plan.config.snapshotter;
  if (plan.snapshotter == Snapshotter::kOverlayfs)
    complaints.need(facts.overlayfs, "images.snapshotter is overlayfs, which does not work here",
                    "leave it at \"auto\"");
  if (plan.snapshotter == Snapshotter::kFuseOverlayfs)
    complaints.add("images.snapshotter is fuse-overlayfs, which this version does not have",
                   "leave it at \"auto\": overlayfs is taken where it works, else native");
  if (plan.snapshotter != Snapshotter::kAuto) return;
  plan.snapshotter = facts.overlayfs.ok ? Snapshotter::kOverlayfs : Snapshotter::kNative;
  if (!facts.overlayfs.ok)
    plan.lost.push_back("images: each container copies its image, as overlayfs does not work here (" +
                        facts.overlayfs.reason + ")");
}

void choose_tap(Plan& plan, const Facts& facts) {
  plan.tap = plan.config.tap == TapMode::kAuto && facts.tun.ok;
  plan.mtu = plan.config.mtu;
  if (plan.config.tap != TapMode::kAuto || facts.tun.ok) return;
  plan.lost.push_back(
      (plan.bypass ? "network: without a tap, pods reach the outside by TCP alone, and by address, not by name ("
                   : "network: pods reach one another but nothing outside the cluster (") +
      facts.tun.reason + ")");
}

void choose_bypass(Plan& plan, const Facts& facts) {
  if (plan.config.bypass == BypassMode::kOff) {
    plan.bypass = false;
    return;
  }
  plan.bypass = facts.bypass.ok && plan.config.deny.empty();
  if (!plan.config.deny.empty())
    plan.lost.push_back("bypass: pods' connections go through the tap alone, since network.deny is set");
  else if (!facts.bypass.ok)
    plan.lost.push_back("bypass: pods' connections go through the tap alone, several times slower (" +
                        facts.bypass.reason + ")");
}

Result<void> choose_cores(Plan& plan, const Facts& facts) {
  plan.cpus = facts.cpu_list;
  plan.confine_pods = !plan.cpus.empty() && plan.cpus != facts.online_cpus;
  const std::string& wanted = plan.config.cores;
  if (wanted == "all") return {};
  if (wanted == "auto") {
    // Where somebody is bound to each of them, none is better than another.
    if (!facts.claimed_cpus.empty()) plan.cores = without(plan.cpus, facts.claimed_cpus);
    return {};
  }
  plan.cores = TRY_WHILE("node.cores", parse_cpu_list(wanted));
  const CpuList foreign = without(plan.cores, plan.cpus);
  if (!foreign.empty())
    return fail(
        fmt::format("node.cores {}: {} {} not yours", wanted, to_text(foreign), foreign.size() > 1 ? "are" : "is"),
        "you may use " + to_text(plan.cpus), ExitCode::kUsage);
  return {};
}

// A cluster that is killed when it is half up would be a long way to hear of it.
void need_memory(const Share& share, Complaints& complaints) {
  if (share.memory_bytes == 0 || share.memory_bytes >= kLeastMemory) return;
  complaints.add(fmt::format("memory: the job has {} here (by {}), and a cluster without any pod needs {}",
                             human_bytes(share.memory_bytes), share.memory_by, human_bytes(kLeastMemory)),
                 fmt::format("ask the workload manager for {} and what the pods need", human_bytes(kLeastMemory)));
}

void choose_policy(Plan& plan, const Facts& facts) {
  plan.policy = plan.config.policy == PolicyMode::kAuto && facts.network_policy.ok;
  if (plan.config.policy == PolicyMode::kAuto && !facts.network_policy.ok)
    plan.lost.push_back("network policy: NetworkPolicies are taken and hold nobody (" + facts.network_policy.reason +
                        ")");
}

// Without the component that tells the kubelet of them there is nothing to offer.
Result<void> choose_devices(Plan& plan, const Facts& facts) {
  const HostGroups groups = plan.identity.rung == IdentityRung::kSingle ? HostGroups::kKept : HostGroups::kLost;
  plan.devices = TRY(plan_devices(plan.config, facts.devices, facts.share, groups));
  auto plugin = std::find_if(facts.components.begin(), facts.components.end(),
                             [](const ComponentFact& component) { return component.name == kDevicePluginName; });
  if (!plan.devices.resources.empty() && (plugin == facts.components.end() || !plugin->usable.ok)) {
    const std::string reason = plugin == facts.components.end() ? "not looked for" : plugin->usable.reason;
    plan.lost.push_back(fmt::format("devices: pods cannot ask for {} (component {}: {})", devices_text(plan.devices),
                                    kDevicePluginName, reason));
    plan.devices = {};
  }
  plan.lost.insert(plan.lost.end(), plan.devices.lost.begin(), plan.devices.lost.end());
  return {};
}

void need_components(const Facts& facts, Complaints& complaints) {
  for (const ComponentFact& component : facts.components)
    if (component.required)
      complaints.need(component.usable, "component " + component.name,
                      "build them (scripts/build-components) or name their directory in components.dir");
}

}  // namespace

Result<Plan> make_plan(const Config& config, const Facts& facts, const std::vector<std::string>& user_directories) {
  Plan plan;
  plan.config = config;
  plan.name = config.name;
  plan.node_name = facts.hostname;
  plan.addresses = TRY(plan_addresses(config));
  TRY(choose_cores(plan, facts));
  Complaints complaints;
  complaints.need(facts.user_namespace, "unprivileged user namespaces",
                  "an administrator raises user.max_user_namespaces or lifts the restriction");
  complaints.need(facts.bridge, "bridge and veth links", "an administrator loads the kernel modules bridge and veth");
  // Each pod gets one of its own pid namespace: without it no container starts.
  complaints.need(facts.fresh_proc, "a new procfs",
                  "something is mounted over a part of /proc: start the outer container with its paths unmasked");
  if (auto identity = plan_identity(config.identity, facts))
    plan.identity = std::move(*identity);
  else
    complaints.add(identity.error().what, identity.error().hint);
  for (const LostRung& lost : plan.identity.lost)
    plan.lost.push_back(
        fmt::format("identity: {} instead of {} ({})", name_of(plan.identity.rung), name_of(lost.rung), lost.reason));
  choose_proxy(plan, facts, complaints);
  choose_snapshotter(plan, facts, complaints);
  choose_bypass(plan, facts);
  plan.ports = plan.bypass && plan.config.ports == PortsMode::kAuto;
  choose_tap(plan, facts);
  settle_cgroups(plan, plan_cgroups(config, facts));
  choose_policy(plan, facts);
  plan.fresh_proc = facts.fresh_proc.ok;
  plan.fresh_sysfs = facts.fresh_sysfs.ok;
  plan.job = facts.job;
  plan.share = facts.share;
  TRY(choose_devices(plan, facts));
  need_memory(facts.share, complaints);
  need_components(facts, complaints);
  auto base = choose_state_base(facts.state);
  if (base) {
    plan.state_base = base->path;
    plan.disk_figures = has_disk_figures(base->fs_magic);
    if (!plan.disk_figures)
      plan.lost.push_back(
          fmt::format("disk: pods that ask for ephemeral-storage stay Pending (the kubelet cannot measure ZFS, where "
                      "{} is)",
                      base->path));
  } else {
    complaints.add(base.error().what, base.error().hint);
  }
  if (complaints.any()) return complaints.error();
  plan.writable = user_directories;
  return plan;
}

void settle_cgroups(Plan& plan, CgroupPlan cgroups) {
  plan.cgroups = std::move(cgroups);
  std::erase_if(plan.lost, [](const std::string& lost) { return lost.starts_with("cgroups: "); });
  for (std::string& lost : losses(plan.cgroups)) plan.lost.push_back(std::move(lost));
}

const char* name_of(ProxyMode mode) {
  switch (mode) {
    case ProxyMode::kAuto: return "auto";
    case ProxyMode::kNftables: return "nftables";
    case ProxyMode::kIptables: return "iptables";
  }
  return "?";
}

const char* name_of(Snapshotter snapshotter) {
  switch (snapshotter) {
    case Snapshotter::kAuto: return "auto";
    case Snapshotter::kOverlayfs: return "overlayfs";
    case Snapshotter::kFuseOverlayfs: return "fuse-overlayfs";
    case Snapshotter::kNative: return "native";
  }
  return "?";
}

}  // namespace sublet::launcher
