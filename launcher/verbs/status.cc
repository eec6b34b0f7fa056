// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "launcher/session/control.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

// What the launcher says of itself; if it doesn't answer (it is starting or ending), what it wrote down last.
json status_of(const Cluster& cluster) {
  std::string text = cluster.status;
  if (auto asked = ask(cluster.path + "/" + kControlSocket, "status")) text = asked->answer;
  json status = json::parse(text, nullptr, false);
  if (!status.is_object()) status = {{"name", cluster.id.name}, {"state", "starting"}, {"state_dir", cluster.path}};
  return status;
}

std::string as_text(const json& status) {
  std::string text;
  auto row = [&](const char* name, const std::string& value) { text += fmt::format("{:<14} {}\n", name, value); };
  auto get = [&](const char* key) { return status.value(key, ""); };
  row("cluster", get("name"));
  std::string state = get("state");
  if (status.contains("ready_seconds") && status["ready_seconds"].is_number())
    state += fmt::format(" (took {:.1f} s)", status["ready_seconds"].get<double>());
  row("state", state);
  row("since", get("started"));
  row("node", get("node"));
  row("job", get("job_text"));
  row("share", get("share_text"));
  row("devices", get("devices_text"));
  row("API server", get("api_server"));
  row("kubeconfig", get("kubeconfig"));
  row("state in", get("state_dir"));
  const json ladders = status.value("ladders", json::object());
  for (const auto& [ladder, rung] : ladders.items())
    row(ladder.c_str(), rung.is_string() ? rung.get<std::string>() : rung.dump());
  const json all_lost = status.value("lost", json::array());
  for (const json& lost : all_lost)
    if (lost.is_string()) row("degraded", lost.get<std::string>());
  text += "\n";
  text += fmt::format("{:<26} {:<10} {:>8}  {}\n", "SERVICE", "STATE", "RESTARTS", "LAST END");
  const json services = status.value("services", json::array());
  for (const json& service : services)
    text += fmt::format("{:<26} {:<10} {:>8}  {}\n", service.value("name", ""), service.value("state", ""),
                        service.value("restarts", 0), service.value("last_end", ""));
  return text;
}

}  // namespace

// With a name (a flag, SUBLET_NAME, a file) it is about that cluster; without one about all that run.
Result<int> status(const Invocation& invocation) {
  if (invocation.options.net) return status_net(invocation);
  const bool as_json = invocation.options.json;
  if (is_named(invocation.loaded)) {
    json status = status_of(TRY(chosen_cluster(invocation.loaded.config)));
    fmt::print("{}", as_json ? status.dump(2) + "\n" : as_text(status));
    return 0;
  }
  json all = json::array();
  for (const Cluster& cluster : own_clusters(invocation.loaded.config))
    if (cluster.alive) all.push_back(status_of(cluster));
  if (all.empty())
    return fail("no cluster of yours runs here", "start one: sublet up --detach", ExitCode::kPrerequisite);
  if (as_json) {
    fmt::print("{}\n", json{{"schema", 1}, {"clusters", std::move(all)}}.dump(2));
    return 0;
  }
  for (std::size_t i = 0; i < all.size(); ++i) fmt::print("{}{}", i > 0 ? "\n" : "", as_text(all[i]));
  return 0;
}

}  // namespace sublet::launcher
