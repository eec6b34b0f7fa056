// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/settings.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace sublet::launcher {

using nlohmann::json;

bool is_crun(const OciSettings& settings) {
  return std::string_view(settings.runtime).substr(settings.runtime.rfind('/') + 1).starts_with("crun");
}

std::string to_json(const OciSettings& settings) {
  json object = {
      {"runtime", settings.runtime},    {"cgroups", settings.cgroups}, {"controllers", settings.controllers},
      {"idLimit", settings.id_limit},   {"broker", settings.broker},   {"bypass", bypass::name_of(settings.bypass)},
      {"cpus", to_text(settings.cpus)}, {"wrapper", settings.wrapper}, {"udp", settings.udp}};
  return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<OciSettings> oci_settings_from_json(std::string_view text) {
  json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail("not a JSON object");
  OciSettings settings;
  for (const auto& [key, value] : object.items()) {
    if (key == "runtime" && value.is_string()) {
      settings.runtime = value.get<std::string>();
    } else if (key == "cgroups" && value.is_boolean()) {
      settings.cgroups = value.get<bool>();
    } else if (key == "controllers" && value.is_array() &&
               std::all_of(value.begin(), value.end(), [](const json& each) { return each.is_string(); })) {
      settings.controllers = value.get<std::vector<std::string>>();
    } else if (key == "idLimit" && value.is_number_unsigned() && value.get<std::uint64_t>() >= 1 &&
               value.get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max()) {
      settings.id_limit = value.get<std::uint32_t>();
    } else if (key == "broker" && value.is_boolean()) {
      settings.broker = value.get<bool>();
    } else if (key == "udp" && value.is_boolean()) {
      settings.udp = value.get<bool>();
    } else if (key == "bypass" && value.is_string()) {
      settings.bypass = TRY_WHILE("\"bypass\"", bypass::level_from(value.get_ref<const std::string&>()));
    } else if (key == "cpus" && value.is_string()) {
      settings.cpus = TRY_WHILE("\"cpus\"", parse_cpu_list(value.get_ref<const std::string&>()));
    } else if (key == "wrapper" && value.is_string()) {
      settings.wrapper = value.get<std::string>();
    } else {
      return fail("unknown or wrong: \"" + key + "\"");
    }
  }
  // All that is written is read.
  const std::size_t known = json::parse(to_json(settings), nullptr, false).size();
  if (object.size() != known) return fail("something is missing");
  if (!settings.runtime.starts_with('/')) return fail("\"runtime\" is not an absolute path");
  return settings;
}

}  // namespace sublet::launcher
