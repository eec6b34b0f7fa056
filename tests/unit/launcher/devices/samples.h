// SPDX-License-Identifier: Apache-2.0
// Hosts with devices, in few words.
#pragma once

#include <catch2/catch.hpp>

#include "launcher/devices/choose.h"

namespace sublet::launcher::test {

inline NodeFact open_node(Access access = Access::kAnybody) { return {true, true, access, ""}; }
inline NodeFact closed_node(const std::string& reason = "Operation not permitted") {
  return {true, true, Access::kNone, reason};
}

/// NVIDIA's, with this many GPUs that all can be opened.
inline DeviceFacts nvidia_host(unsigned gpus) {
  DeviceFacts facts;
  for (const char* node : {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"})
    facts.nodes[node] = open_node();
  for (unsigned i = 0; i < gpus; ++i) {
    const std::string node = "/dev/nvidia" + std::to_string(i);
    facts.nodes[node] = open_node();
    facts.gpus.push_back({Vendor::kNvidia, node, "GPU-" + std::string(3, static_cast<char>('a' + i)) + "-1", "nvidia"});
  }
  return facts;
}

/// As `nvidia-ctk cdi generate` writes it: each by index and by UUID, and all at once.
inline CdiSpec nvidia_spec(unsigned gpus) {
  CdiSpec spec{"/etc/cdi/nvidia.yaml", 0, "text", {}};
  CdiDevice all{"nvidia.com/gpu=all", {}, {"/usr/lib/libcuda.so.1", "/run/nvidia-persistenced/socket"}};
  for (unsigned i = 0; i < gpus; ++i) {
    const std::string node = "/dev/nvidia" + std::to_string(i);
    spec.devices.push_back({"nvidia.com/gpu=" + std::to_string(i), {node}, all.mounts});
    spec.devices.push_back(
        {"nvidia.com/gpu=GPU-" + std::string(3, static_cast<char>('a' + i)) + "-1", {node}, all.mounts});
    all.nodes.push_back(node);
  }
  spec.devices.push_back(all);
  return spec;
}

inline Share share_with(std::vector<std::string> gpus, std::string by) {
  Share share;
  share.gpus = std::move(gpus);
  share.gpus_by = std::move(by);
  return share;
}

}  // namespace sublet::launcher::test
