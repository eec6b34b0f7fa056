// SPDX-License-Identifier: Apache-2.0
// What this host is and gives: gathered read-only (by doing, never by version or file name), then a plain value that
// the plan and the doctor decide on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cpu_list.h"
#include "cgroups/limits.h"
#include "launcher/allocation/allocation.h"
#include "launcher/allocation/share.h"
#include "launcher/devices/devices.h"

namespace sublet::launcher {

/// The least memory that a cluster of no pods works with.
inline constexpr std::uint64_t kLeastMemory = std::uint64_t{700} << 20;

/// Something that was tried: it works, or the reason why not (as the kernel gave it).
struct Probe {
  bool ok = false;
  std::string reason;  // empty if ok
};

/// A subordinate range: `count` ids from `start` (subuid(5)).
struct IdRange {
  std::uint32_t start = 0;
  std::uint32_t count = 0;
};

/// A directory that could hold the state.
struct StateCandidate {
  std::string path;
  std::string origin;  // "state.dir", "TMPDIR", "/dev/shm", "/tmp"
  std::int64_t fs_magic = 0;
  std::uint64_t free_bytes = 0;
  bool memory_backed = false;
  Probe usable;  // exists, writable, exec and suid irrelevant, not a network file system
};

struct ComponentFact {
  std::string name;     // kubernetes, etcd, containerd, containerd-shim-runc-v2, ctr, runc, coredns, cni
  std::string path;     // empty if not found
  std::string version;  // as the bundle's VERSIONS file says, else by --version; empty if unknown
  Probe usable;
  bool required = true;  // false: a cluster runs without it
};

struct Facts {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;
  std::string home;
  std::string cwd;
  std::string hostname;  // lower case, a valid node name
  std::string kernel;
  Allocation job;
  Share share;           // of this host
  CpuList cpu_list;      // that we may run on; empty if the kernel did not say
  CpuList online_cpus;   // the whole machine has these; empty if the kernel did not say
  CpuList claimed_cpus;  // those of them that other processes of ours are bound to

  Probe user_namespace;          // made one
  std::vector<IdRange> subuids;  // by libsubid
  std::vector<IdRange> subgids;
  std::optional<std::string> newuidmap;  // paths; both or the rung is lost
  std::optional<std::string> newgidmap;
  std::string subids_reason;      // why subuids or subgids is empty, where libsubid said so
  std::uint32_t free_subids = 0;  // where no range is: a block of 65,536 that nobody has; 0 if not looked for
  Probe id_maps;                  // a namespace with these ranges was really made by newuidmap

  Probe tun;         // a tap was really made in a namespace of ours
  Probe bypass;      // a child's call was really answered with a socket
  Probe exec;        // the same without a namespace, for programs of the host: `sublet exec`
  Probe overlayfs;   // really mounted in a user namespace, on the state's file system
  Probe fresh_proc;  // a new procfs in new user+pid namespaces
  Probe fresh_sysfs;
  Probe nftables;  // `nft` made a table in a namespace of ours
  Probe iptables;
  Probe network_policy;  // the rules of NetworkPolicies were taken, and packets that cross a bridge are filtered
  Probe bridge;          // a bridge and a veth pair were made in a namespace of ours
  Probe dummy;           // a dummy link (stands in for the tap)
  Probe cgroup_leaf;     // a writable cgroup v2 leaf inside our own cgroup, or beside it
  Probe cgroup_systemd;  // the user's systemd would give a delegated scope
  std::string cgroup_leaf_base;                 // where the leaf would be made
  bool cgroup_leaf_inside = false;              // that is our own cgroup, which the launcher would have to leave
  std::string cgroup_bus;                       // where the user's systemd answered
  cgroups::Limits cgroup_limits;                // on the whole way from our own cgroup up
  std::vector<std::string> cgroup_controllers;  // that the leaf could be given
  std::vector<std::string> cgroup_refused;      // "cpu: reason": listed there, and not to be had
  std::vector<std::string> cgroup_systemd_controllers;  // that the user's systemd has
  std::string cgroup_layout = "none";                   // none, v1, hybrid, unified

  std::vector<StateCandidate> state;
  std::vector<ComponentFact> components;
  DeviceFacts devices;
  std::uint64_t inotify_instances = 0;  // fs.inotify.max_user_instances
  std::uint64_t inotify_watches = 0;
  std::uint64_t open_files_hard = 0;  // RLIMIT_NOFILE, hard
  std::uint64_t keys = 0;             // kernel.keys.maxkeys: keyrings a user may have (each container takes one)
  std::vector<std::string> warnings;  // what was odd on the way, a sentence each
};

}  // namespace sublet::launcher
