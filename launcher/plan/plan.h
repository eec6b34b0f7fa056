// SPDX-License-Identifier: Apache-2.0
// The plan: every decision of a start, made before anything is done. Pure: config and facts in, plan out; `--dry-run`
// prints it. What follows only acts on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/cpu_list.h"
#include "base/result.h"
#include "launcher/config/config.h"
#include "launcher/devices/choose.h"
#include "launcher/facts/facts.h"
#include "launcher/facts/id_map.h"
#include "launcher/images/credentials.h"
#include "launcher/plan/cgroups.h"

namespace sublet::launcher {

/// The addresses inside the cluster's namespaces.
struct Addresses {
  std::string node;           // "10.0.2.100"
  std::string node_cidr;      // "10.0.2.0/24"
  std::string gateway;        // "10.0.2.2", the tap's
  std::string dns;            // "10.0.2.3", the tap's name server
  std::string node6_cidr;     // "fd00::/64"; empty without IPv6
  std::string pods;           // "10.42.0.0/24"
  std::string pods_first;     // "10.42.0.1": the bridge
  std::string services;       // "10.43.0.0/16"
  std::string api_service;    // "10.43.0.1"
  std::string dns_service;    // "10.43.0.10"
  std::uint32_t prefix = 24;  // of node_cidr
};

/// Ports inside. They are the cluster's own (its network namespace), so fixed ones never collide.
inline constexpr std::uint16_t kApiPort = 6443;
inline constexpr std::uint16_t kDnsPort = 53;

/// What the control plane and the daemons of a small cluster take at most, and the least that a node keeps free (the
/// kubelet's eviction threshold): neither is pods'.
inline constexpr std::uint64_t kOwnMemory = std::uint64_t{512} << 20;
inline constexpr std::uint64_t kKeptFree = std::uint64_t{100} << 20;

struct Plan {
  std::string name;
  std::string node_name;
  std::string components_dir;
  std::string state_base;    // the directory below which the state goes
  bool disk_figures = true;  // the kubelet can read its file system's
  IdentityPlan identity;
  CgroupPlan cgroups;
  Addresses addresses;
  bool tap = true;
  bool bypass = true;  // there is a broker
  bool ports = true;   // and it serves ports of the host
  bool policy = true;  // NetworkPolicies are enforced
  std::uint32_t mtu = 65520;
  ProxyMode proxy = ProxyMode::kNftables;             // never kAuto
  Snapshotter snapshotter = Snapshotter::kOverlayfs;  // never kAuto
  CpuList cpus;                                       // all that we may run on: the pods'. Empty: unknown
  bool confine_pods = false;                          // without being held to `cpus`, pods would run on others
  CpuList cores;                                      // those of them for the cluster's own daemons; empty: all
  bool fresh_proc = true;
  bool fresh_sysfs = true;
  Allocation job;
  Share share;  // what the node advertises
  /// What pods can ask for; 0: not known.
  [[nodiscard]] std::uint64_t memory_for_pods() const {
    return share.memory_bytes > kOwnMemory + kKeptFree ? share.memory_bytes - kOwnMemory - kKeptFree : 0;
  }
  DevicePlan devices;                 // that pods may ask for
  std::vector<std::string> writable;  // host directories shown writable at their own paths
  std::vector<std::string> archives;  // image archives, files
  std::vector<std::string> lost;      // what this host does not give, a sentence each, for the user
  CredentialsByHost credentials;      // of the registries; never shown
  Config config;                      // what is passed on as it is: registries, timeouts, binds, storage, logs
};

/// Fails with kPrerequisite, naming everything at once, where something required is missing.
[[nodiscard]] Result<Plan> make_plan(const Config& config, const Facts& facts,
                                     const std::vector<std::string>& user_directories);

/// After the cgroup of the cluster was really made, or could not be: the plan says what was taken and what is lost.
void settle_cgroups(Plan& plan, CgroupPlan cgroups);

/// For `--dry-run`.
[[nodiscard]] std::string plan_as_text(const Plan& plan);
[[nodiscard]] std::string plan_as_json(const Plan& plan);

/// Parts of it, for `status` too. `now` in seconds since 1970.
[[nodiscard]] nlohmann::json job_as_json(const Allocation& job);
[[nodiscard]] nlohmann::json share_as_json(const Share& share, std::uint64_t memory_for_pods);
/// {"example.org/tun": 4}
[[nodiscard]] nlohmann::json devices_as_json(const DevicePlan& devices);
[[nodiscard]] std::string job_text(const Allocation& job, std::int64_t now);
[[nodiscard]] std::string share_text(const Share& share, std::uint64_t memory_for_pods);

[[nodiscard]] const char* name_of(ProxyMode mode);
[[nodiscard]] const char* name_of(Snapshotter snapshotter);

}  // namespace sublet::launcher
