// SPDX-License-Identifier: Apache-2.0
#include "launcher/cluster/files.h"

#include <fmt/format.h>

#include <algorithm>

#include "launcher/node/paths.h"
#include "launcher/pki/kubeconfig.h"

namespace sublet::launcher {

std::string inside_path(std::string_view relative) { return std::string(inside::kState) + "/" + std::string(relative); }

// All components are Go programs, which keep as much garbage as live heap unless told otherwise. Beside a simulation
// memory is dearer than the little time that the collector takes: the API server alone is 40 MB smaller when idle. Not
// less than half: with 30 an idle cluster is another 15 MB smaller, but a start takes longer.
constexpr const char* kCollectOften = "GOGC=50";

// On how many CPUs a program may run at once. Go would take all: then its collector wakes a thread on each of 64, which
// is felt by whoever computes there; and even on two, the threads wake one another for nothing: an idle kubelet with
// one takes a third less. The API server, its store and the unpacking of images have work for several when a start is
// on.
std::string threads_at_once(const Plan& plan, const std::string& name) {
  const std::size_t cpus = plan.cores.empty() ? plan.cpus.size() : plan.cores.size();
  const bool busy = name == kApiServer || name == kEtcd || name == kContainerd;
  const std::size_t part = busy ? cpus : cpus / 8;
  return fmt::format("GOMAXPROCS={}", std::clamp<std::size_t>(part, 1, 4));
}

// The heap at which the collector works harder, rather than let the job run out of memory: far above what a component
// needs (an idle API server holds 200 MiB), since near its limit it would do little else.
std::string memory_limit(const Plan& plan, const std::string& name) {
  constexpr std::uint64_t kLeast = std::uint64_t{256} << 20;
  const std::uint64_t part = plan.share.memory_bytes / (name == kApiServer ? 4 : 8);
  const std::uint64_t least = name == kApiServer ? 2 * kLeast : kLeast;
  return fmt::format("GOMEMLIMIT={}", std::max(part, least));
}

Service component(const Plan& plan, const std::string& name, std::vector<std::string> arguments) {
  Service service;
  service.name = name;
  service.argv = std::move(arguments);
  service.argv.insert(service.argv.begin(), std::string(kComponentsInside) + "/" + name);
  service.env = {"PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin", "HOME=/var/lib/sublet",
                 "LANG=C.UTF-8", "TMPDIR=/tmp", kCollectOften};
  service.env.push_back(threads_at_once(plan, name));
  service.env.push_back(memory_limit(plan, name));
  service.log_path = inside_path(fmt::format("{}/{}.log", state_layout::kLogs, name));
  // Kubernetes' programs have nothing to lose: the state goes with them.
  service.stop_grace = std::chrono::milliseconds(0);
  // A pod descends from containerd, and an unprivileged process cannot take back what it gave way: so not containerd.
  constexpr unsigned kGivesWay = 5;  // a third of the weight of others
  if (name != kContainerd) service.nicer = kGivesWay;
  // An idle component is a set of loops that look ten times a second whether there is work, and beside them Go's own
  // watcher, which naps for 20 us between its looks: most of what it uses is waking up. Containers get the usual back.
  constexpr std::chrono::microseconds kMayBeLate{5000};
  service.timer_slack = kMayBeLate;
  return service;
}

StateFile component_kubeconfig(const std::string& name, const ClusterPki& pki, const KeyAndCert& client) {
  KubeconfigPlan plan;
  plan.server = fmt::format("https://127.0.0.1:{}", kApiPort);
  plan.ca_pem = pki.ca.cert_pem;
  plan.client = client;
  plan.user = name;
  return {fmt::format("{}/{}.kubeconfig", state_layout::kEtc, name), kubeconfig(plan)};
}

void add_pair(std::vector<StateFile>& files, const std::string& name, const KeyAndCert& pair) {
  files.push_back({fmt::format("{}/{}.crt", state_layout::kPki, name), pair.cert_pem});
  files.push_back({fmt::format("{}/{}.key", state_layout::kPki, name), pair.key_pem});
}

std::vector<StateFile> all_files(const Plan& plan, const ClusterPki& pki) {
  std::vector<StateFile> files;
  for (auto& part :
       {control_plane_files(plan, pki), containerd_files(plan), kubelet_files(plan, pki), proxy_files(plan, pki),
        coredns_files(plan, pki), network_policy_files(plan, pki), device_files(plan)})
    files.insert(files.end(), part.begin(), part.end());
  return files;
}

Result<std::vector<Service>> all_services(const Plan& plan) {
  std::vector<Service> services = control_plane_services(plan);
  for (const char* name : kMilestones) {
    Service milestone;
    milestone.name = name;
    milestone.after = {kApiServer};
    milestone.readiness.kind = Readiness::Kind::kTold;
    services.push_back(std::move(milestone));
  }
  services.push_back(containerd_service(plan));
  services.push_back(kubelet_service(plan));
  services.push_back(proxy_service(plan));
  services.push_back(coredns_service(plan));
  if (!plan.devices.resources.empty()) services.push_back(device_plugin_service(plan));
  if (plan.policy) services.push_back(network_policy_service(plan));
  return in_start_order(std::move(services));
}

}  // namespace sublet::launcher
