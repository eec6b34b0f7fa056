// SPDX-License-Identifier: Apache-2.0
// The device plugin: a program of our own beside Kubernetes' (manifests/components/devices), which runs only where
// there is something to offer, and the CDI specifications that containerd then reads.
#include <fmt/format.h>

#include <algorithm>

#include "launcher/cluster/files.h"
#include "launcher/devices/settings.h"

namespace sublet::launcher {
namespace {

constexpr const char* kSettings = "etc/device-plugin.json";

// Copies, as the launcher has judged them: of the host's directories some files may be another's.
std::string copy_folder(std::size_t directory) { return fmt::format("etc/cdi/{}", directory); }

}  // namespace

std::vector<std::string> cdi_directories(const Plan& plan) {
  std::vector<std::size_t> numbers;
  for (const CdiFile& file : plan.devices.cdi) numbers.push_back(file.directory);
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  std::vector<std::string> directories;
  for (const std::size_t number : numbers) directories.push_back(inside_path(copy_folder(number)));
  return directories;
}

std::vector<StateFile> device_files(const Plan& plan) {
  if (plan.devices.resources.empty()) return {};
  std::vector<StateFile> files = {{kSettings, device_plugin_settings(plan.devices)}};
  for (const CdiFile& file : plan.devices.cdi)
    files.push_back({copy_folder(file.directory) + "/" + file.name, file.text});
  return files;
}

// It comes before the kubelet, and waits for it: so the node has its devices from the first look on.
Service device_plugin_service(const Plan& plan) { return component(plan, kDevicePlugin, {inside_path(kSettings)}); }

}  // namespace sublet::launcher
