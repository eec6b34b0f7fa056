// SPDX-License-Identifier: Apache-2.0
#include "launcher/pki/cluster_pki.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>

#include "tests/unit/launcher/pki/x509_view.h"

namespace sublet::launcher {
namespace {

const std::string kOk = "ok";

PkiPlan plan() {
  return {.node_name = "node-7",
          .node_ips = {"10.0.2.100", "fd00::64"},
          .service_ip = "10.43.0.1",
          .cluster_domain = "my.domain",
          .lifetime = std::chrono::hours(2)};
}

const ClusterPki& pki() {
  static const ClusterPki made = [] {
    auto result = create_cluster_pki(plan());
    REQUIRE(result);
    return *result;
  }();
  return made;
}

TEST_CASE("cluster_pki: every client is who Kubernetes expects, under the right authority", "[pki]") {
  struct Row {
    KeyAndCert ClusterPki::*leaf;
    KeyAndCert ClusterPki::*authority;
    std::string subject;
  };
  const std::vector<Row> rows = {
      {&ClusterPki::apiserver_kubelet, &ClusterPki::ca, "O = system:masters, CN = kube-apiserver-kubelet-client"},
      {&ClusterPki::front_proxy_client, &ClusterPki::front_proxy_ca, "CN = front-proxy-client"},
      {&ClusterPki::kubelet_client, &ClusterPki::ca, "O = system:nodes, CN = system:node:node-7"},
      {&ClusterPki::controller_manager, &ClusterPki::ca, "O = system:masters, CN = system:kube-controller-manager"},
      {&ClusterPki::scheduler, &ClusterPki::ca, "O = system:masters, CN = system:kube-scheduler"},
      {&ClusterPki::proxy, &ClusterPki::ca, "O = system:masters, CN = system:kube-proxy"},
      {&ClusterPki::coredns, &ClusterPki::ca, "CN = system:coredns"},
      {&ClusterPki::network_policy, &ClusterPki::ca, "CN = sublet:network-policy"},
      {&ClusterPki::admin, &ClusterPki::ca, "O = system:masters, CN = kubernetes-admin"},
      {&ClusterPki::sublet, &ClusterPki::ca, "O = system:masters, CN = sublet"},
  };
  for (const Row& row : rows) {
    const std::string& leaf = (pki().*row.leaf).cert_pem;
    CAPTURE(row.subject);
    CHECK(test::subject(leaf) == row.subject);
    CHECK(test::verify(leaf, (pki().*row.authority).cert_pem, X509_PURPOSE_SSL_CLIENT) == kOk);
    CHECK(test::verify(leaf, (pki().*row.authority).cert_pem, X509_PURPOSE_SSL_SERVER) != kOk);
  }
}

TEST_CASE("cluster_pki: no client of the cluster poses as the front proxy", "[pki]") {
  for (const KeyAndCert& client : {pki().admin, pki().kubelet_client, pki().sublet}) {
    CHECK(test::verify(client.cert_pem, pki().front_proxy_ca.cert_pem, X509_PURPOSE_SSL_CLIENT) != kOk);
  }
}

TEST_CASE("cluster_pki: the API server answers to all its names", "[pki]") {
  const std::string& leaf = pki().apiserver.cert_pem;
  CHECK(test::verify(leaf, pki().ca.cert_pem, X509_PURPOSE_SSL_SERVER) == kOk);
  for (const char* name : {"kubernetes", "kubernetes.default", "kubernetes.default.svc",
                           "kubernetes.default.svc.my.domain", "localhost", "node-7"})
    CHECK(test::names_host(leaf, name));
  for (const char* ip : {"127.0.0.1", "::1", "10.43.0.1", "10.0.2.100", "fd00::64"})
    CHECK(test::names_address(leaf, ip));
}

TEST_CASE("cluster_pki: the kubelet answers to its own", "[pki]") {
  CHECK(test::verify(pki().kubelet_server.cert_pem, pki().ca.cert_pem, X509_PURPOSE_SSL_SERVER) == kOk);
  CHECK(test::names_host(pki().kubelet_server.cert_pem, "node-7"));
  CHECK(test::names_address(pki().kubelet_server.cert_pem, "10.0.2.100"));
}

TEST_CASE("cluster_pki: a bad address names the certificate", "[pki]") {
  PkiPlan bad = plan();
  bad.service_ip = "10.43.0.0/16";
  const auto made = create_cluster_pki(bad);
  REQUIRE_FALSE(made);
  CHECK(made.error().what.find("kube-apiserver") != std::string::npos);
  CHECK(made.error().what.find("10.43.0.0/16") != std::string::npos);
}

TEST_CASE("cluster_pki: all of it takes some milliseconds", "[pki]") {
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(create_cluster_pki(plan()));
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  std::printf("cluster_pki: %.1f ms\n", static_cast<double>(took.count()) / 1000);
  CHECK(took < std::chrono::seconds(1));  // 5 ms on a quiet machine; wide for sanitizers and a busy one
}

}  // namespace
}  // namespace sublet::launcher
