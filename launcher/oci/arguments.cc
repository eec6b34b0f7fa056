// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/arguments.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace sublet::launcher {
namespace {

struct Flag {
  std::string_view name;
  std::optional<std::string> value;  // after "="
};

std::optional<Flag> as_flag(std::string_view argument) {
  if (argument.size() < 2 || argument[0] != '-') return std::nullopt;
  argument.remove_prefix(argument[1] == '-' ? 2 : 1);
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return Flag{argument, std::nullopt};
  return Flag{argument.substr(0, equals), std::string(argument.substr(equals + 1))};
}

// The flags that take a value, of runc 1.1 to 1.5 and crun: all others are on/off.
bool takes_value(std::string_view verb, std::string_view name) {
  static constexpr std::string_view kGlobal[] = {"log",      "log-format", "log-level",     "root",
                                                 "rootless", "criu",       "cgroup-manager"};
  static constexpr std::string_view kExec[] = {"cwd",
                                               "env",
                                               "e",
                                               "user",
                                               "u",
                                               "additional-gids",
                                               "g",
                                               "process",
                                               "p",
                                               "process-label",
                                               "apparmor",
                                               "cap",
                                               "c",
                                               "cgroup",
                                               "console-socket",
                                               "pidfd-socket",
                                               "pid-file",
                                               "preserve-fds"};
  static constexpr std::string_view kCreate[] = {
      "bundle",       "b",           "console-socket",   "pidfd-socket", "pid-file",
      "preserve-fds", "image-path",  "work-path",        "parent-path",  "manage-cgroups-mode",
      "empty-ns",     "lsm-profile", "lsm-mount-context"};
  auto has = [name](const auto& list) { return std::find(std::begin(list), std::end(list), name) != std::end(list); };
  if (verb.empty()) return has(kGlobal);
  return verb == "exec" ? has(kExec) : has(kCreate);
}

void take_flag(OciArguments& parsed, std::string_view name, std::string value) {
  if (parsed.verb.empty()) {
    if (name == "log")
      parsed.log = std::move(value);
    else if (name == "log-format")
      parsed.log_json = value == "json";
    else if (name == "rootless")
      parsed.rootless_given = true;
  } else if (parsed.verb == "exec") {
    if (name == "process" || name == "p") parsed.process = std::move(value);
  } else if (name == "bundle" || name == "b") {
    parsed.bundle = std::move(value);
  }
}

}  // namespace

OciArguments parse_oci_arguments(const std::vector<std::string>& arguments) {
  OciArguments parsed;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--") break;
    std::optional<Flag> flag = as_flag(arguments[i]);
    if (!flag) {
      if (parsed.verb.empty()) {
        parsed.verb = arguments[i];
        continue;
      }
      if (parsed.container.empty()) parsed.container = arguments[i];
      // What follows the container's id is the command that is to be run in it; other verbs take flags anywhere.
      if (parsed.verb == "exec") break;
      continue;
    }
    if (!flag->value && takes_value(parsed.verb, flag->name)) {
      if (++i == arguments.size()) break;
      flag->value = arguments[i];
    }
    if (flag->value) take_flag(parsed, flag->name, std::move(*flag->value));
  }
  return parsed;
}

}  // namespace sublet::launcher
