// SPDX-License-Identifier: Apache-2.0
// All keys and certificates of one cluster, as values. Two authorities, as kubeadm has them: a client certificate of
// the cluster must not pose as the front proxy. (etcd has none: it listens on unix sockets only.)
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/pki/certificate.h"

namespace sublet::launcher {

/// What the certificates must name.
struct PkiPlan {
  std::string node_name;
  std::vector<std::string> node_ips;  // the node's addresses inside
  std::string service_ip;             // the `kubernetes` Service: the first of the service range
  std::string cluster_domain = "cluster.local";
  std::chrono::seconds lifetime = std::chrono::hours(24 * 365);  // the job's, with margin
};

/// In kubeadm's terms; the flag that takes each is beside it.
struct ClusterPki {
  KeyAndCert ca;              // --client-ca-file, --root-ca-file, --cluster-signing-{cert,key}-file
  KeyAndCert front_proxy_ca;  // --requestheader-client-ca-file (the certificate)
  KeyPair service_account;    // --service-account-{signing-key,key}-file, --service-account-private-key-file

  KeyAndCert apiserver;           // --tls-{cert,private-key}-file
  KeyAndCert apiserver_kubelet;   // --kubelet-client-{certificate,key}
  KeyAndCert front_proxy_client;  // --proxy-client-{cert,key}-file
  KeyAndCert kubelet_client;      // user system:node:NAME, group system:nodes
  KeyAndCert kubelet_server;      // kubelet tlsCertFile, tlsPrivateKeyFile
  KeyAndCert controller_manager;  // user system:kube-controller-manager
  KeyAndCert scheduler;           // user system:kube-scheduler
  KeyAndCert proxy;               // user system:kube-proxy
  KeyAndCert coredns;             // user system:coredns: the role of that name must be bound to it
  KeyAndCert network_policy;      // user sublet:network-policy: the same
  KeyAndCert admin;               // user kubernetes-admin, group system:masters: the person's kubeconfig
  KeyAndCert sublet;              // user sublet, group system:masters: the launcher's own calls
};

/// The group of the admin and of our own clients. kubeadm has kubeadm:cluster-admins now, which needs a binding first;
/// system:masters is allowed everything by the API server itself, before any object exists.
inline constexpr const char* kMasters = "system:masters";

/// The names and addresses under which the API server is called.
[[nodiscard]] CertificateRequest apiserver_request(const PkiPlan& plan);

/// Makes everything anew: 2 authorities and 12 leaves, some milliseconds.
[[nodiscard]] Result<ClusterPki> create_cluster_pki(const PkiPlan& plan);

}  // namespace sublet::launcher
