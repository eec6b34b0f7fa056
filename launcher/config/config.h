// SPDX-License-Identifier: Apache-2.0
// What the user, the site and the environment ask for: a plain value. Every field is one key of sublet.toml(5), in the
// table named above it. Where a value comes from is kept beside it, for `sublet config`.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sublet::launcher {

enum class IdentityMode { kAuto, kSubuid, kSingle };
enum class TapMode { kAuto, kOff };
enum class BypassMode { kAuto, kOptIn, kOff };
enum class PolicyMode { kAuto, kOff };
enum class PortsMode { kAuto, kOff };
enum class GpusMode { kAuto, kOff };
enum class ProxyMode { kAuto, kNftables, kIptables };
enum class Snapshotter { kAuto, kOverlayfs, kFuseOverlayfs, kNative };
enum class DrainSignal { kUsr1, kUsr2, kOff };
enum class CgroupMode { kAuto, kLeaf, kSystemd, kNone };

/// [[node.bind]]: a host directory or file shown inside at `target`.
struct BindMount {
  std::string source;
  std::string target;
  bool read_only = false;
};

/// [[devices]]: what pods may ask for by a resource's name.
struct DeviceWish {
  std::string resource;            // "example.org/tun"
  std::vector<std::string> paths;  // device nodes; a pod that has one gets all of them
  std::vector<std::string> cdi;    // and what the Container Device Interface calls so: "vendor.org/class=name"
  std::uint32_t count = 1;         // how many can be given out
  std::string from;                // "FILE:LINE", or the variable or flag
};

/// [registries."HOST"]: how images of one registry are fetched.
struct Registry {
  std::vector<std::string> mirrors;  // URLs, tried in order before the registry itself
  std::string ca_file;               // PEM
  std::string credentials_file;      // "user:password" or docker's config.json; must be 0600
  bool plain_http = false;
};

struct Config {
  // [cluster]
  std::string name = "default";  // a DNS label (RFC 1123), at most 32 characters
  // [components]
  std::string components_dir;  // empty: the installation's own
  std::string oci_runtime;     // empty: the components' runc
  // [state]
  std::string state_dir;  // empty: $TMPDIR, then /dev/shm or /tmp by space
  // [identity]
  IdentityMode identity = IdentityMode::kAuto;
  // [cgroups]
  CgroupMode cgroups = CgroupMode::kAuto;
  bool cpu_limits = false;
  std::uint32_t pod_pids = 4096;  // 0: as many as the job may have
  // [network]
  TapMode tap = TapMode::kAuto;
  std::uint32_t mtu = 65520;  // 576..65520
  bool ipv6 = true;
  BypassMode bypass = BypassMode::kAuto;
  bool bypass_udp = false;  // pods may ask for it for connected UDP sockets, too
  std::string device;       // the host's network device of the bypass; empty: the default route's
  PolicyMode policy = PolicyMode::kAuto;
  PortsMode ports = PortsMode::kAuto;
  std::uint32_t port_offset = 0;  // added to ports of the host under 1024
  bool public_ports = false;
  std::vector<std::string> deny;  // prefixes that pods must not reach, by neither way
  std::string node_cidr = "10.0.2.0/24";
  std::string pod_cidr = "10.42.0.0/24";
  std::string service_cidr = "10.43.0.0/16";
  std::string cluster_domain = "cluster.local";
  // [run]
  bool reach = true;  // the command of run reaches the cluster as under exec
  // [service_proxy]
  ProxyMode proxy = ProxyMode::kAuto;
  // [node]
  std::string cores = "auto";  // of the cluster's own daemons: "auto", "all" or a list of CPUs
  GpusMode gpus = GpusMode::kAuto;
  std::vector<std::string> cdi_dirs;  // of CDI specifications, besides /etc/cdi and /run/cdi
  std::vector<BindMount> binds;
  std::vector<std::string> writable;  // further host directories writable at their own paths (scratch)
  // [[devices]]
  std::vector<DeviceWish> devices;
  // [images]
  Snapshotter snapshotter = Snapshotter::kAuto;
  std::vector<std::string> archives;  // files, or directories of *.tar, imported at start
  // [registries."HOST"]
  std::map<std::string, Registry> registries;
  // [storage]
  bool default_storage_class = true;
  // [timeouts], in seconds in the file
  std::chrono::seconds ready_timeout{180};
  std::chrono::seconds stop_timeout{20};
  std::chrono::seconds drain_timeout{30};
  std::chrono::seconds walltime{0};  // 0: as long as the job
  DrainSignal drain_signal = DrainSignal::kUsr1;
  // [logs]
  std::string log_dir;                // empty: inside the state directory (gone with it)
  std::string log_level = "warning";  // debug, info, warning, error: of sublet itself
};

}  // namespace sublet::launcher
