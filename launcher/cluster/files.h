// SPDX-License-Identifier: Apache-2.0
// What the components are given: configuration files as text, and services as values. Everything here is pure; bring-up
// writes the files into the state directory and hands the services to node-init.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "launcher/pki/cluster_pki.h"
#include "launcher/plan/plan.h"
#include "launcher/supervisor/service.h"

namespace sublet::launcher {

/// A file of the state directory; all are mode 0600.
struct StateFile {
  std::string path;  // relative to it
  std::string text;
};

// Names of services, as the user sees them in `status` and gives them to `logs`.
inline constexpr const char* kEtcd = "etcd";
inline constexpr const char* kApiServer = "kube-apiserver";
inline constexpr const char* kControllerManager = "kube-controller-manager";
inline constexpr const char* kScheduler = "kube-scheduler";
inline constexpr const char* kContainerd = "containerd";
inline constexpr const char* kKubelet = "kubelet";
inline constexpr const char* kProxy = "kube-proxy";
inline constexpr const char* kCoreDns = "coredns";
inline constexpr const char* kNetworkPolicy = "network-policy";
inline constexpr const char* kDevicePlugin = "device-plugin";

// Milestones (Service::is_milestone()), which the launcher tells of.
inline constexpr const char* kApiReady = "api-ready";
inline constexpr const char* kRolesMade = "roles";
inline constexpr const char* kNodeRegistered = "node-registered";
inline constexpr std::array kMilestones = {kApiReady, kRolesMade, kNodeRegistered};

/// The image of pods' pause containers: in the bundle, pinned, never pulled.
inline constexpr const char* kPauseImage = "sublet.local/pause:1";
/// Where the components and the OCI wrapper are seen inside.
inline constexpr const char* kComponentsInside = "/run/components";
inline constexpr const char* kWrapperInside = "/run/sublet-oci/sublet-oci";
/// containerd's socket: inside, and relative to the state directory.
inline constexpr const char* kContainerdSocket = "/run/sublet/sock/containerd.sock";
inline constexpr const char* kContainerdSocketInState = "sock/containerd.sock";

// One function per component; each file of this room holds one.
[[nodiscard]] std::vector<StateFile> containerd_files(const Plan& plan);
/// One of them: what the OCI wrapper reads each time.
[[nodiscard]] StateFile oci_file(const Plan& plan);
[[nodiscard]] Service containerd_service(const Plan& plan);
[[nodiscard]] std::vector<StateFile> kubelet_files(const Plan& plan, const ClusterPki& pki);
[[nodiscard]] Service kubelet_service(const Plan& plan);
[[nodiscard]] std::vector<StateFile> control_plane_files(const Plan& plan, const ClusterPki& pki);
[[nodiscard]] std::vector<Service> control_plane_services(const Plan& plan);
[[nodiscard]] std::vector<StateFile> proxy_files(const Plan& plan, const ClusterPki& pki);
[[nodiscard]] Service proxy_service(const Plan& plan);
[[nodiscard]] std::vector<StateFile> coredns_files(const Plan& plan, const ClusterPki& pki);
[[nodiscard]] Service coredns_service(const Plan& plan);
[[nodiscard]] std::vector<StateFile> network_policy_files(const Plan& plan, const ClusterPki& pki);
[[nodiscard]] Service network_policy_service(const Plan& plan);
[[nodiscard]] std::vector<StateFile> device_files(const Plan& plan);
[[nodiscard]] Service device_plugin_service(const Plan& plan);

/// All of the above, in start order.
[[nodiscard]] std::vector<StateFile> all_files(const Plan& plan, const ClusterPki& pki);
[[nodiscard]] Result<std::vector<Service>> all_services(const Plan& plan);

/// The objects that make a bare API server a cluster, JSON, one each: first the roles, which others wait for.
[[nodiscard]] std::vector<std::string> early_objects();
[[nodiscard]] std::vector<std::string> base_objects(const Plan& plan, const std::string& ca_pem);

// Helpers shared by the components' files.

/// The directories of CDI specifications that containerd reads, in order; none where no device has any.
[[nodiscard]] std::vector<std::string> cdi_directories(const Plan& plan);
/// "/run/sublet/" + relative: a file of the state directory as seen inside.
[[nodiscard]] std::string inside_path(std::string_view relative);
/// A Service with the environment, log file and path that all components share.
[[nodiscard]] Service component(const Plan& plan, const std::string& name, std::vector<std::string> arguments);
/// A kubeconfig for a component inside: it calls the API server on loopback.
[[nodiscard]] StateFile component_kubeconfig(const std::string& name, const ClusterPki& pki, const KeyAndCert& client);
/// Two files, pki/NAME.crt and pki/NAME.key.
void add_pair(std::vector<StateFile>& files, const std::string& name, const KeyAndCert& pair);

}  // namespace sublet::launcher
