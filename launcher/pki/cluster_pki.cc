// SPDX-License-Identifier: Apache-2.0
#include "launcher/pki/cluster_pki.h"

namespace sublet::launcher {
namespace {

const std::string kLoopback4 = "127.0.0.1";
const std::string kLoopback6 = "::1";

CertificateRequest client(std::string user, std::vector<std::string> groups = {}) {
  return {.cn = std::move(user), .orgs = std::move(groups), .client = true};
}

CertificateRequest kubelet_server_request(const PkiPlan& plan) {
  CertificateRequest request{.cn = "system:node:" + plan.node_name,
                             .orgs = {"system:nodes"},
                             .dns = {plan.node_name, "localhost"},
                             .ips = plan.node_ips,
                             .server = true};
  request.ips.push_back(kLoopback4);
  return request;
}

}  // namespace

CertificateRequest apiserver_request(const PkiPlan& plan) {
  CertificateRequest request{.cn = "kube-apiserver",
                             .dns = {"kubernetes", "kubernetes.default", "kubernetes.default.svc",
                                     "kubernetes.default.svc." + plan.cluster_domain, "localhost", plan.node_name},
                             .ips = {kLoopback4, kLoopback6},
                             .server = true};
  if (!plan.service_ip.empty()) request.ips.push_back(plan.service_ip);
  for (const std::string& ip : plan.node_ips) request.ips.push_back(ip);
  return request;
}

Result<ClusterPki> create_cluster_pki(const PkiPlan& plan) {
  const auto ca = TRY(CertificateAuthority::create("kubernetes", plan.lifetime));
  const auto front_proxy_ca = TRY(CertificateAuthority::create("front-proxy-ca", plan.lifetime));
  ClusterPki pki{.ca = ca.pem(), .front_proxy_ca = front_proxy_ca.pem(), .service_account = TRY(create_key_pair())};
  struct Leaf {
    KeyAndCert ClusterPki::*field;
    const CertificateAuthority* authority;
    CertificateRequest request;
  };
  const std::vector<Leaf> leaves = {
      {&ClusterPki::apiserver, &ca, apiserver_request(plan)},
      {&ClusterPki::apiserver_kubelet, &ca, client("kube-apiserver-kubelet-client", {kMasters})},
      {&ClusterPki::front_proxy_client, &front_proxy_ca, client("front-proxy-client")},
      {&ClusterPki::kubelet_client, &ca, client("system:node:" + plan.node_name, {"system:nodes"})},
      {&ClusterPki::kubelet_server, &ca, kubelet_server_request(plan)},
      // All its controllers run as one client. Their own service accounts would each have to fetch a token first.
      {&ClusterPki::controller_manager, &ca, client("system:kube-controller-manager", {kMasters})},
      // The API server makes their roles a second after it answers. What is refused until then they try again a second
      // or two later, and nothing is scheduled or forwarded before all is answered.
      {&ClusterPki::scheduler, &ca, client("system:kube-scheduler", {kMasters})},
      {&ClusterPki::proxy, &ca, client("system:kube-proxy", {kMasters})},
      {&ClusterPki::coredns, &ca, client("system:coredns")},
      {&ClusterPki::network_policy, &ca, client("sublet:network-policy")},
      {&ClusterPki::admin, &ca, client("kubernetes-admin", {kMasters})},
      {&ClusterPki::sublet, &ca, client("sublet", {kMasters})},
  };
  for (const Leaf& leaf : leaves)
    pki.*leaf.field =
        TRY_WHILE("certificate of " + leaf.request.cn, leaf.authority->issue(leaf.request, plan.lifetime));
  return pki;
}

}  // namespace sublet::launcher
