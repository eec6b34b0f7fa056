// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/spec.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/strings.h"
#include "launcher/oci/confine.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;
using Type = json::value_t;

// The member of that name, nullptr if there is none (or null, which Go writes for an empty slice or pointer).
Result<json*> member(json& object, const std::string& name, Type type, const std::string& where) {
  auto found = object.find(name);
  if (found == object.end() || found->is_null()) return nullptr;
  // Parsed numbers without a sign are unsigned; that is what every id is.
  if (found->type() != type) return fail(where + name + " is of the wrong type (" + found->type_name() + ")");
  return &*found;
}

// Replaces an id that the namespace does not map by 0. True if it did.
Result<bool> fold_id(json& user, const std::string& name, std::uint32_t id_limit) {
  json* id = TRY(member(user, name, Type::number_unsigned, "process.user."));
  if (id == nullptr || id->get<std::uint64_t>() < id_limit) return false;
  *id = 0U;
  return true;
}

Result<void> drop_groups(json& user, std::uint32_t id_limit) {
  json* groups = TRY(member(user, "additionalGids", Type::array, "process.user."));
  if (groups == nullptr) return {};
  json kept = json::array();
  for (const json& group : *groups) {
    if (!group.is_number_unsigned()) return fail("process.user.additionalGids holds something that is not a group id");
    // setgroups(2) is denied on the single-UID rung, so not even group 0 can be asked for.
    if (id_limit > 1 && group.get<std::uint64_t>() < id_limit) kept.push_back(group);
  }
  if (kept.empty()) {
    user.erase("additionalGids");
  } else {
    *groups = std::move(kept);
  }
  return {};
}

// execve(2) gives uid 0 the whole bounding set, and another user the ambient set alone (capabilities(7)). So for a
// process that stands in for another user the bounding set is cut to what that user would have had.
Result<void> leave_ambient_capabilities(json& process) {
  json* sets = TRY(member(process, "capabilities", Type::object, "process."));
  if (sets == nullptr) return {};
  json* ambient = TRY(member(*sets, "ambient", Type::array, "process.capabilities."));
  const json kept = ambient == nullptr ? json::array() : *ambient;
  for (const char* name : {"bounding", "effective", "inheritable", "permitted"}) (*sets)[name] = kept;
  return {};
}

Result<void> edit_mounts(json& mounts, std::uint32_t id_limit) {
  for (json& mount : mounts) {
    if (!mount.is_object()) return fail("mounts holds something that is not an object");
    json* options = TRY(member(mount, "options", Type::array, "mounts[]."));
    if (options == nullptr) continue;
    json kept = json::array();
    for (const json& option : *options) {
      if (!option.is_string()) return fail("mounts[].options holds something that is not a text");
      const std::string& text = option.get_ref<const std::string&>();
      const bool names_id = text.starts_with("uid=") || text.starts_with("gid=");
      std::optional<std::uint64_t> id;
      if (names_id) id = parse_int<std::uint64_t>(std::string_view(text).substr(4));
      if (!id || *id < id_limit) kept.push_back(option);
    }
    *options = std::move(kept);
  }
  return {};
}

// The kernel refuses a range that ends beyond the mapped groups (ipv4_ping_group_range() in
// net/ipv4/sysctl_net_ipv4.c).
Result<void> edit_sysctls(json& sysctls, std::uint32_t id_limit) {
  constexpr const char* kPing = "net.ipv4.ping_group_range";
  json* range = TRY(member(sysctls, kPing, Type::string, "linux.sysctl."));
  if (range == nullptr) return {};
  const std::string_view text = range->get_ref<const std::string&>();
  const std::size_t gap = text.find_first_of(" \t");
  if (gap == text.npos) return {};  // not ours to judge: the kernel will say
  auto low = parse_int<std::uint64_t>(text.substr(0, gap));
  auto high = parse_int<std::uint64_t>(text.substr(text.find_last_of(" \t") + 1));
  if (!low || !high || *low > *high || *high < id_limit) return {};
  if (*low >= id_limit) {
    sysctls.erase(kPing);
  } else {
    *range = std::to_string(*low) + " " + std::to_string(id_limit - 1);
  }
  return {};
}

}  // namespace

Result<json> edit_process(json process, const OciSettings& settings) {
  if (!process.is_object()) return fail("process is not an object");
  json* user = TRY(member(process, "user", Type::object, "process."));
  if (user == nullptr) return process;  // the runtime's default is 0:0
  const bool stands_in = TRY(fold_id(*user, "uid", settings.id_limit));
  (void)TRY(fold_id(*user, "gid", settings.id_limit));
  TRY(drop_groups(*user, settings.id_limit));
  if (stands_in) TRY(leave_ambient_capabilities(process));
  return process;
}

Result<json> edit_exec(json process, const OciSettings& settings) {
  json edited = TRY(edit_process(std::move(process), settings));
  return settings.cpus.empty() ? edited : process_with_affinity(std::move(edited), settings.cpus);
}

Result<json> edit_resources(json resources, const OciSettings& settings) {
  if (!resources.is_object()) return fail("linux.resources is not an object");
  auto is_there = [&](std::string_view name) {
    return std::find(settings.controllers.begin(), settings.controllers.end(), name) != settings.controllers.end();
  };
  // Which part of the resources is whose: config-linux.md, "Control groups".
  if (json* cpu = TRY(member(resources, "cpu", Type::object, "linux.resources."))) {
    for (const char* name : {"cpus", "mems"})
      if (!is_there("cpuset")) cpu->erase(name);
    for (const char* name : {"shares", "quota", "burst", "period", "realtimeRuntime", "realtimePeriod", "idle"})
      if (!is_there("cpu")) cpu->erase(name);
    if (cpu->empty()) resources.erase("cpu");
  }
  for (const auto& [part, controller] :
       {std::pair("memory", "memory"), std::pair("pids", "pids"), std::pair("blockIO", "io"),
        std::pair("hugepageLimits", "hugetlb"), std::pair("rdma", "rdma")})
    if (!is_there(controller)) resources.erase(part);
  if (json* unified = TRY(member(resources, "unified", Type::object, "linux.resources."))) {
    // By the file's name, "memory.oom.group"; what begins with "cgroup." is every cgroup's.
    json kept = json::object();
    for (const auto& [file, value] : unified->items()) {
      const std::string controller = file.substr(0, file.find('.'));
      if (controller == "cgroup" || is_there(controller)) kept[file] = value;
    }
    *unified = std::move(kept);
    if (unified->empty()) resources.erase("unified");
  }
  return resources;
}

Result<json> edit_spec(json spec, const OciSettings& settings) {
  if (!spec.is_object()) return fail("not a JSON object");
  // crun before 1.15 (Debian 12's is 1.8) takes nothing else, and ignores what is newer.
  if (is_crun(settings)) spec["ociVersion"] = "1.0.2";
  if (json* process = TRY(member(spec, "process", Type::object, ""))) {
    json edited = TRY(edit_process(std::move(*process), settings));
    spec["process"] = std::move(edited);
  }
  if (json* mounts = TRY(member(spec, "mounts", Type::array, ""))) TRY(edit_mounts(*mounts, settings.id_limit));
  if (!settings.cpus.empty()) spec = TRY(with_confinement(std::move(spec), settings.cpus, settings.wrapper));
  json* platform = TRY(member(spec, "linux", Type::object, ""));
  if (platform == nullptr) return spec;
  if (json* sysctls = TRY(member(*platform, "sysctl", Type::object, "linux.")))
    TRY(edit_sysctls(*sysctls, settings.id_limit));
  if (!settings.cgroups) {
    platform->erase("resources");
    platform->erase("cgroupsPath");
  } else if (json* resources = TRY(member(*platform, "resources", Type::object, "linux."))) {
    json edited = TRY(edit_resources(std::move(*resources), settings));
    (*platform)["resources"] = std::move(edited);
  }
  return spec;
}

}  // namespace sublet::launcher
