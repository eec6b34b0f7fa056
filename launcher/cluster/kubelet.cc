// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cgroups/controllers.h"
#include "launcher/cluster/files.h"
#include "launcher/cluster/machine.h"

namespace sublet::launcher {
namespace {

// Of pods' cgroups, which the kubelet keeps only where there is something to keep them with. (The root of its own
// cgroup namespace is the cluster's cgroup, so kubepods is made in there.)
nlohmann::json cgroup_settings(const Plan& plan) {
  if (!plan.cgroups.any()) return {{"cgroupsPerQOS", false}, {"enforceNodeAllocatable", nlohmann::json::array()}};
  nlohmann::json settings = {{"cgroupsPerQOS", true}, {"enforceNodeAllocatable", {"pods"}}, {"cgroupRoot", "/"}};
  if (plan.config.pod_pids != 0 && cgroups::has(plan.cgroups.controllers, "pids"))
    settings["podPidsLimit"] = plan.config.pod_pids;
  return settings;
}

// The kubelet measures by the root of its cgroup namespace. Where that is neither the cluster's own cgroup nor one with
// the limit that the share was taken from, what it finds there is others' too, and must not cost us pods. What is to be
// kept free is taken off the node's offer all the same.
nlohmann::json memory_settings(const Plan& plan) {
  const bool measured = cgroups::has(plan.cgroups.controllers, "memory") || plan.share.memory_by_cgroup;
  // Nothing enforces what the system has reserved: pods and the cluster itself together fit into the job's memory.
  return {{"evictionHard",
           {{"memory.available", measured ? std::to_string(kKeptFree) : "0%"},
            // The node's file system is the host's, filled by others too: what is there must not evict pods.
            {"nodefs.available", "0%"},
            {"nodefs.inodesFree", "0%"},
            {"imagefs.available", "0%"},
            {"imagefs.inodesFree", "0%"}}},
          {"systemReserved", {{"memory", std::to_string(kOwnMemory + (measured ? 0 : kKeptFree))}}}};
}

nlohmann::json kubelet_configuration(const Plan& plan) {
  nlohmann::json configuration = {
      {"apiVersion", "kubelet.config.k8s.io/v1beta1"},
      {"kind", "KubeletConfiguration"},
      // KEP-2033: settings that only real root may make are tried and let be.
      {"featureGates", {{"KubeletInUserNamespace", true}}},
      {"authentication",
       {{"x509", {{"clientCAFile", inside_path("pki/ca.crt")}}},
        {"anonymous", {{"enabled", false}}},
        {"webhook", {{"enabled", true}}}}},
      {"authorization", {{"mode", "Webhook"}}},
      {"tlsCertFile", inside_path("pki/kubelet.crt")},
      {"tlsPrivateKeyFile", inside_path("pki/kubelet.key")},
      {"clusterDNS", {plan.addresses.dns_service}},
      {"clusterDomain", plan.config.cluster_domain},
      {"containerRuntimeEndpoint", std::string("unix://") + kContainerdSocket},
      {"resolvConf", "/etc/resolv.conf"},
      {"cgroupDriver", "cgroupfs"},
      {"cpuCFSQuota", plan.config.cpu_limits},
      {"failCgroupV1", false},
      {"failSwapOn", false},
      // Without it the kubelet knows no figures of any disk, evicts nobody for want of memory either (its round ends at
      // the first figure that it misses), and pods that ask for ephemeral-storage wait for ever.
      {"localStorageCapacityIsolation", plan.disk_figures},
      {"makeIPTablesUtilChains", false},
      {"readOnlyPort", 0},
      {"healthzPort", 0},
      // The default is below /usr, which is read-only inside.
      {"volumePluginDir", "/var/lib/kubelet/plugins/exec"},
      {"enableControllerAttachDetach", true},
      // Not nodeStatusUpdateFrequency, though the default is right: whoever names it has an unchanged status written
      // at every look, and every watcher of nodes woken, instead of every five minutes. The Lease shows the node alive.
      {"nodeLeaseDurationSeconds", 60},
      {"registryPullQPS", 0},
      {"eventRecordQPS", 0},
      {"serializeImagePulls", false},
      // The disk is filled by others too: no image of ours goes for that.
      {"imageGCHighThresholdPercent", 100},
      {"imageGCLowThresholdPercent", 99},
      {"containerLogMaxSize", "10Mi"},
      {"kubeAPIQPS", 1000},
      {"kubeAPIBurst", 2000},
  };
  configuration.update(cgroup_settings(plan));
  configuration.update(memory_settings(plan));
  return configuration;
}

}  // namespace

std::vector<StateFile> kubelet_files(const Plan& plan, const ClusterPki& pki) {
  std::vector<StateFile> files;
  add_pair(files, "kubelet", pki.kubelet_server);
  files.push_back(component_kubeconfig(kKubelet, pki, pki.kubelet_client));
  files.push_back({"etc/kubelet.json", kubelet_configuration(plan).dump(2)});
  return files;
}

Service kubelet_service(const Plan& plan) {
  Service service = component(
      plan, kKubelet,
      {"--config", inside_path("etc/kubelet.json"), "--kubeconfig", inside_path("etc/kubelet.kubeconfig"), "--node-ip",
       plan.addresses.node, "--hostname-override", plan.node_name, "--root-dir", "/var/lib/kubelet"});
  service.after = {kContainerd, kApiServer};
  // Volumes are chowned to a pod's fsGroup by the kubelet itself.
  service.fake_ids_limit = plan.identity.id_limit;
  constexpr unsigned long kOpenFiles = 65536;
  service.open_files = kOpenFiles;
  service.own_view = machine_view();
  return service;
}

}  // namespace sublet::launcher
