// SPDX-License-Identifier: Apache-2.0
// Devices of the host's that pods may ask for: what is here, and what of it is offered by which name. Plain values.
// The offer reaches the kubelet by our device plugin (manifests/components/devices); this room never talks to it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sublet::launcher {

/// By which of the node's permissions we may read and write it: containers keep not all of them.
enum class Access {
  kNone,
  kGroup,    // by one of our groups
  kOwner,    // as its owner, or by an entry for us in its access control list
  kAnybody,  // everybody may
};

struct NodeFact {
  bool present = false;
  bool device = false;  // a character or block device
  Access access = Access::kNone;
  std::string reason;  // why not, as the kernel gave it
};

enum class Vendor { kNvidia, kAmd, kIntel };

/// One GPU's own node. In the order in which programs count them: by minor number.
struct GpuFact {
  Vendor vendor = Vendor::kNvidia;
  std::string node;    // "/dev/nvidia0", "/dev/dri/renderD128"
  std::string uuid;    // "GPU-8932f937-…", as NVIDIA's driver tells; empty: unknown
  std::string driver;  // of Intel's: "i915", "xe"
};

/// One device as a CDI specification names it.
struct CdiDevice {
  std::string name;                 // "nvidia.com/gpu=0"
  std::vector<std::string> nodes;   // its own, on the host
  std::vector<std::string> mounts;  // what of the host its containers see
};

/// A file of CDI, of a directory whose place says who wins: a later one's over an earlier one's.
struct CdiSpec {
  std::string file;
  std::size_t directory = 0;
  std::string text;
  std::vector<CdiDevice> devices;
};

struct DeviceFacts {
  std::map<std::string, NodeFact> nodes;  // by path: all that the rest and the configuration name
  std::vector<GpuFact> gpus;
  std::vector<CdiSpec> cdi;           // in the order of the directories
  std::vector<std::string> warnings;  // a sentence each: specifications that are passed over
};

/// One device of a resource: what a container that has it is given.
struct DeviceUnit {
  std::string id;
  std::vector<std::string> nodes;
  std::vector<std::string> cdi;
  bool operator==(const DeviceUnit&) const = default;
};

struct DeviceResource {
  std::string name;
  std::vector<DeviceUnit> units;
};

/// A file that containerd reads: those that name no device of the offer are not shown to it.
struct CdiFile {
  std::size_t directory = 0;
  std::string name;  // its last part
  std::string text;
};

struct DevicePlan {
  std::vector<DeviceResource> resources;
  std::vector<CdiFile> cdi;
  std::vector<std::string> shown;  // of the host's /run, which the cluster has its own of: what the CDI devices need
  std::vector<std::string> lost;   // what is not offered, and why: a sentence each
};

}  // namespace sublet::launcher
