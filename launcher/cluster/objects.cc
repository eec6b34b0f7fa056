// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "launcher/cluster/files.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

constexpr const char* kRbac = "rbac.authorization.k8s.io";

// A role of that name which may list and watch these (by group), and the user of the same name who has it.
std::vector<json> watcher(const std::string& name,
                          const std::vector<std::pair<std::string, std::vector<std::string>>>& what) {
  json rules = json::array();
  for (const auto& [group, resources] : what)
    rules.push_back({{"apiGroups", {group}}, {"resources", resources}, {"verbs", {"list", "watch"}}});
  const std::string version = std::string(kRbac) + "/v1";
  return {
      {{"apiVersion", version}, {"kind", "ClusterRole"}, {"metadata", {{"name", name}}}, {"rules", std::move(rules)}},
      {{"apiVersion", version},
       {"kind", "ClusterRoleBinding"},
       {"metadata", {{"name", name}}},
       {"roleRef", {{"apiGroup", kRbac}, {"kind", "ClusterRole"}, {"name", name}}},
       {"subjects", {{{"apiGroup", kRbac}, {"kind", "User"}, {"name", name}}}}}};
}

json port(const char* name, const char* protocol) {
  return {{"name", name}, {"port", kDnsPort}, {"protocol", protocol}};
}

json dns_service(const Plan& plan) {
  return {
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata",
       {{"name", "kube-dns"},
        {"namespace", "kube-system"},
        {"labels", {{"k8s-app", "kube-dns"}, {"kubernetes.io/name", "CoreDNS"}}}}},
      // No selector: what answers is no pod.
      {"spec", {{"clusterIP", plan.addresses.dns_service}, {"ports", {port("dns", "UDP"), port("dns-tcp", "TCP")}}}}};
}

json dns_endpoints(const Plan& plan) {
  return {{"apiVersion", "discovery.k8s.io/v1"},
          {"kind", "EndpointSlice"},
          {"metadata",
           {{"name", "kube-dns-node"},
            {"namespace", "kube-system"},
            {"labels", {{"kubernetes.io/service-name", "kube-dns"}}}}},
          {"addressType", "IPv4"},
          {"ports", {port("dns", "UDP"), port("dns-tcp", "TCP")}},
          {"endpoints", {{{"addresses", {plan.addresses.node}}, {"conditions", {{"ready", true}}}}}}};
}

json storage_class() {
  return {{"apiVersion", "storage.k8s.io/v1"},
          {"kind", "StorageClass"},
          {"metadata", {{"name", "local"}, {"annotations", {{"storageclass.kubernetes.io/is-default-class", "true"}}}}},
          {"provisioner", "kubernetes.io/host-path"},
          {"volumeBindingMode", "WaitForFirstConsumer"},
          {"reclaimPolicy", "Delete"}};
}

// What every pod of the default namespace is admitted by and mounts. The controller manager would make both, but it
// starts late (control_plane.cc); it finds them as its own would be, and leaves them.
json default_account() {
  return {
      {"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "default"}, {"namespace", "default"}}}};
}

json root_ca(const std::string& ca_pem) {
  constexpr const char* kDescription =
      "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
      "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
      "clusters.";
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata",
           {{"name", "kube-root-ca.crt"},
            {"namespace", "default"},
            {"annotations", {{"kubernetes.io/description", kDescription}}}}},
          {"data", {{"ca.crt", ca_pem}}}};
}

}  // namespace

std::vector<std::string> early_objects() {
  std::vector<std::string> texts;
  // What coredns' kubernetes plugin watches; upstream's deployment has the same role.
  for (const json& object : watcher("system:coredns", {{"", {"endpoints", "services", "pods", "namespaces"}},
                                                       {"discovery.k8s.io", {"endpointslices"}}}))
    texts.push_back(object.dump());
  for (const json& object :
       watcher("sublet:network-policy", {{"", {"pods", "namespaces"}}, {"networking.k8s.io", {"networkpolicies"}}}))
    texts.push_back(object.dump());
  return texts;
}

std::vector<std::string> base_objects(const Plan& plan, const std::string& ca_pem) {
  std::vector<json> objects = {default_account(), root_ca(ca_pem), dns_service(plan), dns_endpoints(plan)};
  if (plan.config.default_storage_class) objects.push_back(storage_class());
  std::vector<std::string> texts;
  for (const json& object : objects) texts.push_back(object.dump());
  return texts;
}

}  // namespace sublet::launcher
