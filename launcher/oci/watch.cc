// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/watch.h"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/sys.h"
#include "bypass/filter.h"
#include "bypass/hand_over.h"
#include "bypass/listener.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxSpecBytes = std::size_t{4} << 20;

const json* find(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string text_at(const json& object, const char* key) {
  const json* value = find(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

// The path of the network namespace that the container joins; empty if it gets one of its own or the node's.
std::string network_of(const json& spec) {
  const json* platform = find(spec, "linux");
  const json* namespaces = platform == nullptr ? nullptr : find(*platform, "namespaces");
  if (namespaces == nullptr || !namespaces->is_array()) return "";
  for (const json& each : *namespaces)
    if (text_at(each, "type") == "network") return text_at(each, "path");
  return "";
}

bool has_own_listener(const json& spec) {
  const json* platform = find(spec, "linux");
  const json* seccomp = platform == nullptr ? nullptr : find(*platform, "seccomp");
  return seccomp != nullptr && !text_at(*seccomp, "listenerPath").empty();
}

// As runc and crun allow ids; what else comes is for the runtime to refuse.
bool is_plain(const std::string& id) {
  return !id.empty() && id[0] != '.' && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '+' || c == '-' || c == '.';
  });
}

Result<void> go_under_filter(Watched watched) {
  const UniqueFd keeper = TRY(bypass::reach_keeper(bypass::kKeeperSocket));
  const UniqueFd network = TRY_WHILE("the pod's network namespace", sys::open(watched.network, O_RDONLY));
  const bypass::Installed installed =
      TRY(bypass::install(bypass::notify_filter(watched.record.level == bypass::Level::kFastUdp)));
  watched.record.killable = installed.killable;
  return bypass::hand_over(keeper.get(), watched.record, installed.listener.get(), network.get());
}

}  // namespace

std::string to_json(const Watched& watched) {
  return json{{"record", json::parse(bypass::to_json(watched.record))}, {"network", watched.network}}.dump();
}

Result<Watched> watched_from_json(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  const json* record = find(object, "record");
  if (record == nullptr) return fail("no \"record\"");
  return Watched{TRY(bypass::record_from_json(record->dump())), text_at(object, "network")};
}

Result<std::optional<Watched>> plan_watch(const json& spec, const std::string& container, const OciSettings& settings) {
  if (!settings.broker) return std::nullopt;
  const json* found = find(spec, "annotations");
  const json annotations = found != nullptr && found->is_object() ? *found : json::object();
  Watched watched;
  watched.record.level = settings.bypass;
  if (annotations.contains(kBypassAnnotation))
    watched.record.level = TRY_WHILE(std::string("the pod's annotation ") + kBypassAnnotation,
                                     bypass::level_from(text_at(annotations, kBypassAnnotation)));
  // Not an error: it is but a wish for speed, and the manifest may have been written for another cluster.
  if (watched.record.level == bypass::Level::kFastUdp && !settings.udp) watched.record.level = bypass::Level::kFast;
  watched.network = network_of(spec);
  // containerd's annotations (pkg/cri/annotations, 2.x).
  const bool sandbox = text_at(annotations, "io.kubernetes.cri.container-type") == "sandbox";
  if (watched.record.level == bypass::Level::kOff || sandbox || watched.network.empty() || has_own_listener(spec))
    return std::nullopt;
  watched.record.pod_uid = text_at(annotations, "io.kubernetes.cri.sandbox-uid");
  watched.record.pod_namespace = text_at(annotations, "io.kubernetes.cri.sandbox-namespace");
  watched.record.pod_name = text_at(annotations, "io.kubernetes.cri.sandbox-name");
  watched.record.container = text_at(annotations, "io.kubernetes.cri.container-name");
  watched.record.container_id = container;
  return watched;
}

Result<void> watch(const OciArguments& arguments, const OciSettings& settings, const std::string& dir) {
  if (!settings.broker || !is_plain(arguments.container)) return {};
  const std::string record = dir + "/" + arguments.container;
  if (arguments.verb == "delete") {
    if (auto removed = sys::unlink(record); !removed && !removed.error().is(ENOENT)) return removed;
    return {};
  }
  if (arguments.verb == "exec") {
    auto text = fs::read_file(record);
    if (!text) return {};  // not watched
    Watched watched = TRY_WHILE(record, watched_from_json(*text));
    return go_under_filter(std::move(watched));
  }
  if (arguments.verb != "create" && arguments.verb != "run" && arguments.verb != "restore") return {};
  const std::string path = arguments.bundle + "/config.json";
  const json spec = json::parse(TRY(fs::read_file(path, kMaxSpecBytes)), nullptr, false);
  std::optional<Watched> watched = TRY(plan_watch(spec, arguments.container, settings));
  if (!watched) return {};
  TRY(fs::make_directories(dir, 0700));
  TRY(fs::write_file(record, to_json(*watched), 0600));
  return go_under_filter(std::move(*watched));
}

}  // namespace sublet::launcher
