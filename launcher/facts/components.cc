// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/components.h"

#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/process.h"
#include "base/strings.h"

namespace sublet::launcher {
namespace {

// A program of 140 MB from a cold network disk takes its time.
constexpr int kVersionMs = 20'000;

struct Component {
  const char* name;
  const char* listed;              // its name in VERSIONS
  const char* shown;               // the file that stands for it
  std::vector<const char*> files;  // all of it
  const char* flag;                // makes `files[0]` print its version
  bool required = true;
};

const std::vector<Component>& all_components() {
  static const std::vector<Component> kAll = {
      {"kubernetes",
       "kubernetes",
       "kubernetes",
       {"kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubectl"},
       "--version"},
      {"etcd", "etcd", "etcd", {"etcd"}, "--version"},
      {"containerd", "containerd", "containerd", {"containerd"}, "--version"},
      {"containerd-shim-runc-v2", "containerd", "containerd-shim-runc-v2", {"containerd-shim-runc-v2"}, "-v"},
      {"ctr", "containerd", "ctr", {"ctr"}, "--version"},
      {"runc", "runc", "runc", {"runc"}, "--version"},
      {"coredns", "coredns", "coredns", {"coredns"}, "-version"},
      {"cni", "cni", "cni", {"cni/bridge", "cni/loopback", "cni/host-local", "cni/portmap"}, "--version"},
      {"device-plugin", "devices", "device-plugin", {"device-plugin"}, "--version", false},
  };
  return kAll;
}

Probe check_files(const std::string& directory, const Component& component) {
  if (directory.empty()) return {false, "no directory of components is known (components.dir)"};
  if (!fs::exists(directory)) return {false, directory + ": No such file or directory"};
  for (const char* file : component.files) {
    std::string path = directory + "/" + file;
    if (::access(path.c_str(), X_OK) != 0)
      return {false, path + ": " + std::error_code(errno, std::generic_category()).message()};
  }
  return {true, ""};
}

Result<std::string> ask_version(const std::string& program, const std::string& flag) {
  Command command{.argv = {program, flag}};
  // CNI plugins take their command from the environment; kubectl and etcd their settings.
  command.env = std::vector<std::string>{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  Output output = TRY(run(std::move(command), kVersionMs));
  std::string version = find_version(output.out + "\n" + output.err);
  if (version.empty()) return fail(program + " " + flag + " prints no version");
  return version;
}

// The host's own, instead of the components' runc.
ComponentFact look_at_runtime(const std::string& path, VersionLookup lookup) {
  ComponentFact fact{path.substr(path.rfind('/') + 1), path, "", {true, ""}};
  if (::access(path.c_str(), X_OK) != 0)
    fact.usable = {false,
                   path + ": " + std::error_code(errno, std::generic_category()).message() + " (components.runtime)"};
  if (!fact.usable.ok || lookup != VersionLookup::kAsk) return fact;
  if (auto version = ask_version(path, "--version"))
    fact.version = *version;
  else
    fact.usable = {false, version.error().what};
  return fact;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string find_version(std::string_view output) {
  auto part = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '+';
  };
  for (std::size_t i = 0; i < output.size(); ++i) {
    std::size_t digits = i;
    if (!is_digit(output[i])) continue;
    // "containerd/v2" and "runc-v2" have a digit, but no number with a dot.
    while (digits < output.size() && is_digit(output[digits])) ++digits;
    bool dotted = digits + 1 < output.size() && output[digits] == '.' && is_digit(output[digits + 1]);
    if (!dotted) {
      i = digits;
      continue;
    }
    std::size_t end = digits;
    while (end < output.size() && part(output[end])) ++end;
    while (end > i && (output[end - 1] == '.' || output[end - 1] == '-' || output[end - 1] == '+')) --end;
    return (i > 0 && output[i - 1] == 'v' ? "v" : "") + std::string(output.substr(i, end - i));
  }
  return {};
}

std::map<std::string, std::string> parse_versions_file(std::string_view text) {
  std::map<std::string, std::string> versions;
  for (const std::string& line : lines(text)) {
    std::vector<std::string> parts = words(line);
    if (parts.size() == 2 && !parts[0].starts_with('#')) versions[parts[0]] = parts[1];
  }
  return versions;
}

std::vector<ComponentFact> find_components(const std::string& directory, VersionLookup lookup,
                                           const std::string& runtime) {
  std::map<std::string, std::string> listed;
  if (auto text = fs::read_file(directory + "/VERSIONS")) listed = parse_versions_file(*text);
  std::vector<ComponentFact> facts;
  for (const Component& component : all_components()) {
    if (!runtime.empty() && std::string_view(component.name) == "runc") {
      facts.push_back(look_at_runtime(runtime, lookup));
      continue;
    }
    ComponentFact fact{component.name, "", "", check_files(directory, component), component.required};
    const bool kubernetes = std::string_view(component.name) == "kubernetes";
    std::string shown = directory + "/" + component.shown;
    const std::string first = directory + "/" + component.files[0];
    if (fs::exists(shown) || fact.usable.ok) fact.path = fs::exists(shown) ? shown : first;
    auto known = listed.find(component.listed);
    if (known != listed.end()) {
      fact.version = known->second;
    } else if (fact.usable.ok && (kubernetes || lookup == VersionLookup::kAsk)) {
      auto version = ask_version(first, component.flag);
      if (version) {
        fact.version = *version;
      } else if (kubernetes) {
        fact.usable = {false, version.error().what};
      }
    }
    if (kubernetes && fact.usable.ok && !fact.version.starts_with(kKubernetesMinor))
      fact.usable = {false,
                     fmt::format("{} is Kubernetes {}; this sublet needs {}x", first, fact.version, kKubernetesMinor)};
    facts.push_back(std::move(fact));
  }
  return facts;
}

std::string_view sublet_version() { return SUBLET_VERSION; }

std::string versions_as_text(const std::vector<ComponentFact>& components) {
  std::string text = fmt::format("{:<24} {}\n", "sublet", sublet_version());
  for (const ComponentFact& component : components) {
    std::string version = component.version.empty() ? "unknown version" : component.version;
    if (component.path.empty()) version = "not found: " + component.usable.reason;
    text += fmt::format("{:<24} {}{}\n", component.name, version,
                        !component.path.empty() && !component.usable.ok ? "  (" + component.usable.reason + ")" : "");
  }
  return text;
}

std::string versions_as_json(const std::vector<ComponentFact>& components) {
  nlohmann::ordered_json json = {{"sublet", sublet_version()}, {"components", nlohmann::ordered_json::array()}};
  for (const ComponentFact& component : components)
    json["components"].push_back({{"name", component.name},
                                  {"version", component.version},
                                  {"path", component.path},
                                  {"usable", component.usable.ok},
                                  {"reason", component.usable.reason}});
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace sublet::launcher
