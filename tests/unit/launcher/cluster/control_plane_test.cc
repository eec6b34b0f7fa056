// SPDX-License-Identifier: Apache-2.0
#include "launcher/cluster/watch_caches.h"
#include "launcher/pki/kubeconfig.h"
#include "tests/unit/launcher/cluster/samples.h"

namespace sublet::launcher {
namespace {

using namespace test;

struct Flag {
  const char* name;
  const char* value;
};

void check_flags(const Service& service, const std::vector<Flag>& flags) {
  for (const Flag& row : flags) {
    CAPTURE(service.name, row.name);
    CHECK(flag(service, row.name) == std::string(row.value));
  }
}

TEST_CASE("control plane: etcd listens on unix sockets alone", "[cluster]") {
  const Service etcd = service_of(control_plane_services(good_plan()), kEtcd);
  for (const char* name :
       {"--listen-client-urls", "--advertise-client-urls", "--listen-peer-urls", "--initial-advertise-peer-urls"}) {
    CAPTURE(name);
    CHECK(flag(etcd, name).value_or("").starts_with("unix:///run/sublet/sock/"));
  }
  // No further address, such as --listen-metrics-urls, opens a port.
  for (const std::string& argument : etcd.argv) CHECK(argument.find("http") == std::string::npos);
  CHECK(flag(etcd, "--initial-cluster") == "node-7=" + *flag(etcd, "--initial-advertise-peer-urls"));
  CHECK(etcd.readiness.kind == Readiness::Kind::kUnix);
  CHECK("unix://" + etcd.readiness.path == flag(etcd, "--listen-client-urls"));
  CHECK(etcd.stop_grace > std::chrono::milliseconds(0));
}

TEST_CASE("control plane: what many watch is kept in the API server's memory", "[cluster]") {
  const Service api = service_of(control_plane_services(good_plan()), kApiServer);
  CHECK(flag(api, "--watch-cache-sizes") == without_watch_cache());
  const std::string without = "," + without_watch_cache() + ",";
  for (const char* resource : {"clusterroles.rbac.authorization.k8s.io", "limitranges", "endpoints"})
    CHECK(without.find(std::string(",") + resource + "#0,") != std::string::npos);
  for (const char* resource : {"pods", "nodes", "services", "configmaps", "secrets", "leases.coordination.k8s.io"})
    CHECK(without.find(std::string(",") + resource + "#") == std::string::npos);
}

TEST_CASE("control plane: the API server lets nobody in without a certificate or a token", "[cluster]") {
  const auto services = control_plane_services(good_plan());
  const Service api = service_of(services, kApiServer);
  check_flags(api, {{"--anonymous-auth", "false"},
                    {"--authorization-mode", "Node,RBAC"},
                    {"--enable-admission-plugins", "NodeRestriction"},
                    {"--client-ca-file", "/run/sublet/pki/ca.crt"},
                    {"--tls-cert-file", "/run/sublet/pki/apiserver.crt"},
                    {"--tls-private-key-file", "/run/sublet/pki/apiserver.key"},
                    // It checks the kubelet as the kubelet checks it.
                    {"--kubelet-certificate-authority", "/run/sublet/pki/ca.crt"},
                    {"--kubelet-client-certificate", "/run/sublet/pki/apiserver-kubelet.crt"},
                    {"--kubelet-client-key", "/run/sublet/pki/apiserver-kubelet.key"},
                    // Only its own certificate may speak for others (aggregation).
                    {"--requestheader-client-ca-file", "/run/sublet/pki/front-proxy-ca.crt"},
                    {"--requestheader-allowed-names", "front-proxy-client"},
                    {"--proxy-client-cert-file", "/run/sublet/pki/front-proxy.crt"},
                    {"--service-account-signing-key-file", "/run/sublet/pki/sa.key"},
                    {"--service-account-key-file", "/run/sublet/pki/sa.pub"},
                    {"--service-account-issuer", "https://kubernetes.default.svc.cluster.local"},
                    {"--secure-port", "6443"},
                    {"--advertise-address", "10.0.2.100"},
                    {"--service-cluster-ip-range", "10.43.0.0/16"},
                    {"--profiling", "false"}});
  CHECK(flag(api, "--etcd-servers") == flag(service_of(services, kEtcd), "--listen-client-urls"));
  CHECK_FALSE(flag(api, "--token-auth-file"));
  CHECK_FALSE(flag(api, "--insecure-port"));
}

TEST_CASE("control plane: controllers and scheduler answer on loopback alone", "[cluster]") {
  const auto services = control_plane_services(good_plan());
  check_flags(service_of(services, kControllerManager),
              {{"--bind-address", "127.0.0.1"},
               {"--kubeconfig", "/run/sublet/etc/kube-controller-manager.kubeconfig"},
               {"--service-account-private-key-file", "/run/sublet/pki/sa.key"},
               {"--root-ca-file", "/run/sublet/pki/ca.crt"},
               {"--cluster-signing-cert-file", "/run/sublet/pki/ca.crt"},
               {"--cluster-signing-key-file", "/run/sublet/pki/ca.key"},
               {"--cluster-cidr", "10.42.0.0/24"},
               {"--service-cluster-ip-range", "10.43.0.0/16"},
               {"--leader-elect", "false"},
               {"--profiling", "false"}});
  check_flags(
      service_of(services, kScheduler),
      {{"--bind-address", "127.0.0.1"}, {"--config", "/run/sublet/etc/kube-scheduler.json"}, {"--profiling", "false"}});
}

TEST_CASE("control plane: every file that a flag names is written, and holds what it should", "[cluster]") {
  const Plan plan = good_plan();
  const auto files = all_files(plan, sample_pki());
  const auto services = all_services(plan);
  REQUIRE(services);
  int named = 0;
  for (const Service& service : *services) {
    for (const std::string& argument : service.argv) {
      for (const std::string folder : {"pki/", "etc/"}) {
        if (!argument.starts_with(inside_path(folder))) continue;
        ++named;
        CAPTURE(service.name, argument);
        CHECK_FALSE(text_of(files, argument.substr(inside_path("").size())).empty());
      }
    }
  }
  CHECK(named > 15);
  CHECK(text_of(files, "pki/ca.crt") == "ca certificate");
  CHECK(text_of(files, "pki/ca.key") == "ca key");
  CHECK(text_of(files, "pki/apiserver.crt") == "apiserver certificate");
  CHECK(text_of(files, "pki/apiserver-kubelet.key") == "apiserver-kubelet key");
  CHECK(text_of(files, "pki/front-proxy-ca.crt") == "front-proxy-ca certificate");
  CHECK(text_of(files, "pki/front-proxy.key") == "front-proxy key");
  CHECK(text_of(files, "pki/sa.key") == "sa private");
  CHECK(text_of(files, "pki/sa.pub") == "sa public");
}

TEST_CASE("control plane: what nobody inside needs is not written there", "[cluster]") {
  for (const StateFile& file : all_files(good_plan(), sample_pki())) {
    CAPTURE(file.path);
    for (const char* secret : {"front-proxy-ca key", "admin key", "sublet key"})
      CHECK(file.text.find(secret) == std::string::npos);
  }
}

TEST_CASE("control plane: each component has a kubeconfig of its own identity", "[cluster]") {
  const auto files = all_files(good_plan(), sample_pki());
  struct Row {
    const char* name;
    KeyAndCert ClusterPki::*client;
  };
  for (const Row& row : {Row{kControllerManager, &ClusterPki::controller_manager},
                         Row{kScheduler, &ClusterPki::scheduler}, Row{kKubelet, &ClusterPki::kubelet_client},
                         Row{kProxy, &ClusterPki::proxy}, Row{kCoreDns, &ClusterPki::coredns}}) {
    CAPTURE(row.name);
    const std::string text = text_of(files, std::string("etc/") + row.name + ".kubeconfig");
    KubeconfigPlan expected{.server = "https://127.0.0.1:6443", .ca_pem = "ca certificate"};
    expected.client = sample_pki().*row.client;
    expected.user = row.name;
    CHECK(text == kubeconfig(expected));
  }
  const auto scheduler = json_of(files, "etc/kube-scheduler.json");
  CHECK(scheduler["clientConnection"]["kubeconfig"] == "/run/sublet/etc/kube-scheduler.kubeconfig");
  CHECK(scheduler["leaderElection"]["leaderElect"] == false);
}

}  // namespace
}  // namespace sublet::launcher
