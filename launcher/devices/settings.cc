// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/settings.h"

#include <nlohmann/json.hpp>

namespace sublet::launcher {

std::string device_plugin_settings(const DevicePlan& plan) {
  nlohmann::ordered_json resources = nlohmann::ordered_json::array();
  for (const DeviceResource& resource : plan.resources) {
    nlohmann::ordered_json units = nlohmann::ordered_json::array();
    for (const DeviceUnit& unit : resource.units)
      units.push_back({{"id", unit.id}, {"nodes", unit.nodes}, {"cdi", unit.cdi}});
    resources.push_back({{"name", resource.name}, {"devices", std::move(units)}});
  }
  return nlohmann::ordered_json{{"resources", std::move(resources)}}.dump(2);
}

}  // namespace sublet::launcher
