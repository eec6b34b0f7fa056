// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/choose.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "launcher/devices/gpus.h"

namespace sublet::launcher {
namespace {

const CdiDevice* find_cdi(const DeviceFacts& facts, const std::string& name) {
  const CdiDevice* found = nullptr;
  for (const CdiSpec& spec : facts.cdi)
    for (const CdiDevice& device : spec.devices)
      if (device.name == name) found = &device;
  return found;
}

DeviceResource& resource_named(DevicePlan& plan, const std::string& name) {
  for (DeviceResource& resource : plan.resources)
    if (resource.name == name) return resource;
  return plan.resources.emplace_back(DeviceResource{name, {}});
}

// Why the wish cannot be fulfilled; nothing if it can.
std::optional<std::string> missing(const DeviceWish& wish, const DeviceFacts& facts, HostGroups groups) {
  for (const std::string& path : wish.paths)
    if (auto reason = out_of_reach(facts, path, groups)) return reason;
  for (const std::string& name : wish.cdi) {
    const CdiDevice* device = find_cdi(facts, name);
    if (device == nullptr) return "no CDI specification here names " + name;
    for (const std::string& node : device->nodes)
      if (auto reason = out_of_reach(facts, node, groups)) return name + ": " + *reason;
  }
  return std::nullopt;
}

Result<void> add_wishes(DevicePlan& plan, const Config& config, const DeviceFacts& facts, HostGroups groups) {
  for (const DeviceWish& wish : config.devices) {
    for (const std::string& path : wish.paths) {
      auto node = facts.nodes.find(path);
      if (node != facts.nodes.end() && node->second.present && !node->second.device)
        return fail(fmt::format("{}: devices.paths: {} is not a device", wish.from, path),
                    "name device nodes, as /dev/fuse; directories and files are shown to pods by [[node.bind]]",
                    ExitCode::kUsage);
    }
    if (auto reason = missing(wish, facts, groups)) {
      plan.lost.push_back(fmt::format("devices: no {} (by {}): {}", wish.resource, wish.from, *reason));
      continue;
    }
    std::vector<DeviceUnit>& units = resource_named(plan, wish.resource).units;
    for (std::uint32_t i = 0; i < wish.count; ++i)
      units.push_back({std::to_string(units.size()), wish.paths, wish.cdi});
  }
  return {};
}

// Of CDI, what the offer needs: the files, and what they show of the host's /run.
void add_cdi(DevicePlan& plan, const DeviceFacts& facts) {
  std::vector<std::string> names;
  for (const DeviceResource& resource : plan.resources)
    for (const DeviceUnit& unit : resource.units) names.insert(names.end(), unit.cdi.begin(), unit.cdi.end());
  for (const CdiSpec& spec : facts.cdi) {
    bool needed = false;
    for (const CdiDevice& device : spec.devices) {
      if (std::find(names.begin(), names.end(), device.name) == names.end()) continue;
      needed = true;
      for (std::string mount : device.mounts) {
        if (mount.starts_with("/var/run/")) mount.erase(0, std::string_view("/var").size());
        if (mount.starts_with("/run/") && std::find(plan.shown.begin(), plan.shown.end(), mount) == plan.shown.end())
          plan.shown.push_back(mount);
      }
    }
    if (needed) plan.cdi.push_back({spec.directory, spec.file.substr(spec.file.rfind('/') + 1), spec.text});
  }
}

}  // namespace

std::optional<std::string> out_of_reach(const DeviceFacts& facts, const std::string& path, HostGroups groups) {
  auto found = facts.nodes.find(path);
  if (found == facts.nodes.end()) return path + " was not looked at";
  const NodeFact& node = found->second;
  if (!node.present || node.access == Access::kNone) return path + ": " + node.reason;
  if (!node.device) return path + " is not a device";
  if (node.access == Access::kGroup && groups == HostGroups::kLost)
    return path +
           " is open to you by a group, which containers do not have with subordinate ids (identity.mode = "
           "\"single\" keeps it)";
  return std::nullopt;
}

Result<DevicePlan> plan_devices(const Config& config, const DeviceFacts& facts, const Share& share, HostGroups groups) {
  DevicePlan plan;
  TRY(add_wishes(plan, config, facts, groups));
  if (config.gpus == GpusMode::kAuto) {
    Offer offer = offer_gpus(facts, share, groups);
    auto configured = [&](const std::string& name) {
      return std::any_of(config.devices.begin(), config.devices.end(),
                         [&](const DeviceWish& wish) { return wish.resource == name; });
    };
    for (DeviceResource& resource : offer.resources)
      if (!configured(resource.name)) plan.resources.push_back(std::move(resource));
    plan.lost.insert(plan.lost.end(), offer.lost.begin(), offer.lost.end());
  }
  add_cdi(plan, facts);
  return plan;
}

std::string devices_text(const DevicePlan& plan) {
  std::vector<std::string> parts;
  for (const DeviceResource& resource : plan.resources)
    parts.push_back(fmt::format("{} {}", resource.name, resource.units.size()));
  return parts.empty() ? "none" : join(parts, ", ");
}

}  // namespace sublet::launcher
