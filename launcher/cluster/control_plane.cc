// SPDX-License-Identifier: Apache-2.0
// etcd, kube-apiserver, kube-controller-manager, kube-scheduler.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "launcher/cluster/files.h"
#include "launcher/cluster/watch_caches.h"
#include "launcher/node/paths.h"

namespace sublet::launcher {
namespace {

std::string pki_file(const std::string& name) { return inside_path(fmt::format("{}/{}", state_layout::kPki, name)); }
std::string etc_file(const std::string& name) { return inside_path(fmt::format("{}/{}", state_layout::kEtc, name)); }

// etcd talks over unix sockets only, in a folder of mode 0700: no TLS to pay for, and no port that a pod on the
// node's network could try.
const std::string kEtcdUrl = "unix://" + inside_path("sock/etcd.sock");
const std::string kEtcdPeerUrl = "unix://" + inside_path("sock/etcd-peer.sock");

Service etcd_service(const Plan& plan) {
  Service service = component(
      plan, kEtcd,
      {"--name", plan.node_name, "--data-dir", "/var/lib/etcd", "--listen-client-urls", kEtcdUrl,
       "--advertise-client-urls", kEtcdUrl, "--listen-peer-urls", kEtcdPeerUrl, "--initial-advertise-peer-urls",
       kEtcdPeerUrl, "--initial-cluster", plan.node_name + "=" + kEtcdPeerUrl, "--log-level", "warn",
       // The state goes with the job: nothing is gained by waiting for the disk.
       "--unsafe-no-fsync",
       // A job's cluster is small and short: less memory for the raft log, compaction by the API server.
       "--snapshot-count", "5000"});
  service.readiness = {Readiness::Kind::kUnix, "", 0, inside_path("sock/etcd.sock")};
  service.stop_grace = std::chrono::milliseconds(500);
  return service;
}

Service apiserver_service(const Plan& plan) {
  const Addresses& addresses = plan.addresses;
  Service service = component(
      plan, kApiServer,
      {"--etcd-servers", kEtcdUrl, "--bind-address", "0.0.0.0", fmt::format("--secure-port={}", kApiPort),
       "--advertise-address", addresses.node, "--service-cluster-ip-range", addresses.services, "--tls-cert-file",
       pki_file("apiserver.crt"), "--tls-private-key-file", pki_file("apiserver.key"), "--client-ca-file",
       pki_file("ca.crt"), "--kubelet-client-certificate", pki_file("apiserver-kubelet.crt"), "--kubelet-client-key",
       pki_file("apiserver-kubelet.key"), "--kubelet-certificate-authority", pki_file("ca.crt"),
       "--kubelet-preferred-address-types", "InternalIP", "--service-account-issuer",
       "https://kubernetes.default.svc." + plan.config.cluster_domain, "--service-account-key-file", pki_file("sa.pub"),
       "--service-account-signing-key-file", pki_file("sa.key"), "--proxy-client-cert-file",
       pki_file("front-proxy.crt"), "--proxy-client-key-file", pki_file("front-proxy.key"),
       "--requestheader-client-ca-file", pki_file("front-proxy-ca.crt"), "--requestheader-allowed-names",
       "front-proxy-client", "--requestheader-username-headers", "X-Remote-User", "--requestheader-group-headers",
       "X-Remote-Group", "--requestheader-extra-headers-prefix", "X-Remote-Extra-", "--authorization-mode", "Node,RBAC",
       "--enable-admission-plugins", "NodeRestriction", "--enable-bootstrap-token-auth", "--allow-privileged=true",
       // The relay's port on the host's loopback must answer nobody but the owner, not even with a version.
       "--anonymous-auth=false", "--profiling=false", "--shutdown-delay-duration=0s", "--event-ttl=1h",
       "--watch-cache-sizes", without_watch_cache()});
  service.after = {kEtcd};
  service.readiness = {Readiness::Kind::kTold, "127.0.0.1", kApiPort, ""};
  return service;
}

Service controller_manager_service(const Plan& plan) {
  Service service =
      component(plan, kControllerManager,
                {"--kubeconfig", etc_file("kube-controller-manager.kubeconfig"), "--bind-address", "127.0.0.1",
                 "--service-account-private-key-file", pki_file("sa.key"), "--root-ca-file", pki_file("ca.crt"),
                 "--cluster-signing-cert-file", pki_file("ca.crt"), "--cluster-signing-key-file", pki_file("ca.key"),
                 "--cluster-cidr", plan.addresses.pods, "--service-cluster-ip-range", plan.addresses.services,
                 // One copy of it: nobody to hold an election with.
                 "--leader-elect=false",
                 // With the default limits on its requests a start takes 4 seconds longer.
                 "--kube-api-qps", "1000", "--kube-api-burst", "2000", "--profiling=false",
                 // The default StorageClass: directories below /tmp/hostpath_pv, which is the state directory's.
                 "--enable-hostpath-provisioner=true"});
  // It looks once a second whether the API server is healthy, which that is a good second after it answers: started
  // before, it would lose up to a second.
  service.after = {kApiReady};
  return service;
}

Service scheduler_service(const Plan& plan) {
  Service service =
      component(plan, kScheduler,
                {"--config", etc_file("kube-scheduler.json"), "--bind-address", "127.0.0.1", "--profiling=false"});
  service.after = {kApiServer};
  return service;
}

nlohmann::json scheduler_configuration() {
  return {
      {"apiVersion", "kubescheduler.config.k8s.io/v1"},
      {"kind", "KubeSchedulerConfiguration"},
      {"leaderElection", {{"leaderElect", false}}},
      {"clientConnection", {{"kubeconfig", etc_file("kube-scheduler.kubeconfig")}, {"qps", 1000}, {"burst", 2000}}}};
}

}  // namespace

std::vector<StateFile> control_plane_files(const Plan&, const ClusterPki& pki) {
  std::vector<StateFile> files;
  add_pair(files, "ca", pki.ca);
  add_pair(files, "apiserver", pki.apiserver);
  add_pair(files, "apiserver-kubelet", pki.apiserver_kubelet);
  add_pair(files, "front-proxy", pki.front_proxy_client);
  files.push_back({"pki/front-proxy-ca.crt", pki.front_proxy_ca.cert_pem});
  files.push_back({"pki/sa.key", pki.service_account.private_pem});
  files.push_back({"pki/sa.pub", pki.service_account.public_pem});
  files.push_back(component_kubeconfig(kControllerManager, pki, pki.controller_manager));
  files.push_back(component_kubeconfig(kScheduler, pki, pki.scheduler));
  files.push_back({"etc/kube-scheduler.json", scheduler_configuration().dump(2)});
  return files;
}

std::vector<Service> control_plane_services(const Plan& plan) {
  return {etcd_service(plan), apiserver_service(plan), controller_manager_service(plan), scheduler_service(plan)};
}

}  // namespace sublet::launcher
