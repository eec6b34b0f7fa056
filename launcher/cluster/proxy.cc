// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "launcher/cluster/files.h"

namespace sublet::launcher {
namespace {

nlohmann::json proxy_configuration(const Plan& plan) {
  return {
      {"apiVersion", "kubeproxy.config.k8s.io/v1alpha1"},
      {"kind", "KubeProxyConfiguration"},
      {"mode", name_of(plan.proxy)},
      {"clientConnection", {{"kubeconfig", inside_path("etc/kube-proxy.kubeconfig")}, {"qps", 1000}, {"burst", 2000}}},
      {"clusterCIDR", plan.addresses.pods},
      {"hostnameOverride", plan.node_name},
      {"healthzBindAddress", "127.0.0.1:10256"},
      {"metricsBindAddress", "127.0.0.1:10249"},
      // nf_conntrack_max and the timeouts belong to the host: 0 leaves them as they are.
      {"conntrack",
       {{"maxPerCore", 0},
        {"min", 0},
        {"tcpEstablishedTimeout", "0s"},
        {"tcpCloseWaitTimeout", "0s"},
        {"udpTimeout", "0s"},
        {"udpStreamTimeout", "0s"}}},
      // A Service is expected to answer as soon as its pod does.
      {"nftables", {{"minSyncPeriod", "100ms"}, {"syncPeriod", "30s"}}},
      {"iptables", {{"minSyncPeriod", "100ms"}, {"syncPeriod", "30s"}}},
  };
}

}  // namespace

std::vector<StateFile> proxy_files(const Plan& plan, const ClusterPki& pki) {
  return {component_kubeconfig(kProxy, pki, pki.proxy), {"etc/kube-proxy.json", proxy_configuration(plan).dump(2)}};
}

Service proxy_service(const Plan& plan) {
  Service service = component(plan, kProxy, {"--config", inside_path("etc/kube-proxy.json")});
  // It looks for its Node once a second: if it came before, that second would be lost.
  service.after = {kNodeRegistered};
  return service;
}

}  // namespace sublet::launcher
