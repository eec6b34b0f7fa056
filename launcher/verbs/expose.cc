// SPDX-License-Identifier: Apache-2.0
// expose: a port of the host for a Service; and what env says of such ports.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "launcher/services/env_names.h"
#include "launcher/services/expose.h"
#include "launcher/session/control.h"
#include "launcher/verbs/exposed.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

Result<json> ask_ports(const Cluster& cluster, const ExposeRequest& request) {
  const Asked asked = TRY_WHILE(
      "asking the launcher", ask(cluster.path + "/" + kControlSocket, std::string(kPortsRequest) + to_json(request)));
  json answer = json::parse(asked.answer, nullptr, false);
  if (!answer.is_object()) return fail("the launcher gave no sensible answer");
  if (!answer.value("error", "").empty()) return fail(answer.value("error", ""), answer.value("hint", ""));
  return answer;
}

ReachablePort reachable(const json& row) {
  return {row.value("kind", ""),
          row.value("namespace", ""),
          row.value("name", ""),
          row.value("port_name", ""),
          row.value("address", ""),
          static_cast<std::uint16_t>(row.value("port", 0)),
          static_cast<std::uint16_t>(row.value("service_port", 0))};
}

std::string where(const json& row) {
  const std::string address = row.value("address", "");
  if (address.empty()) return "-";
  const bool v6 = address.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", address, row.value("port", 0))
            : fmt::format("{}:{}", address, row.value("port", 0));
}

std::string list_as_text(const json& answer) {
  std::string text = fmt::format("{:<44} {:<24} {:<7} {:>9}  {}\n", "PORT", "ADDRESS", "FOR", "ENDPOINTS", "");
  for (const json& row : answer.value("ports", json::array()))
    text += fmt::format("{:<44} {:<24} {:<7} {:>9}  {}\n", row.value("key", ""), where(row),
                        row.value("public", false) ? "all" : "you", row.value("endpoints", 0), row.value("error", ""));
  return text;
}

Result<int> list(const Invocation& invocation, const Cluster& cluster) {
  const json answer = TRY(ask_ports(cluster, ExposeRequest{}));
  fmt::print("{}", invocation.options.json ? answer.dump(2) + "\n" : list_as_text(answer));
  return 0;
}

}  // namespace

Result<std::map<std::string, std::string>> variables_of(const Cluster& cluster) {
  const json answer = TRY(ask_ports(cluster, ExposeRequest{}));
  std::vector<ReachablePort> ports;
  for (const json& row : answer.value("ports", json::array())) ports.push_back(reachable(row));
  return service_variables(ports);
}

Result<int> expose(const Invocation& invocation) {
  const Options& options = invocation.options;
  const Cluster cluster = TRY(chosen_cluster(invocation.loaded.config));
  if (options.service.empty()) return list(invocation, cluster);
  ExposeRequest request;
  request.action = options.remove ? "remove" : "expose";
  request.ns = options.name_space;
  request.service = TRY(parse_service_name(options.service));
  request.wanted = options.port;
  request.open = options.open;
  const json answer = TRY(ask_ports(cluster, request));
  if (options.remove) {
    if (options.json) fmt::print("{}\n", answer.dump(2));
    return 0;
  }
  if (!options.env_file.empty()) {
    std::string text;
    for (const auto& [name, value] : service_variables({reachable(answer)})) text += name + "=" + value + "\n";
    TRY(fs::write_file(options.env_file, text));
  }
  fmt::print("{}\n", options.json ? answer.dump(2) : where(answer));
  if (answer.value("endpoints", 0) == 0)
    fmt::print(stderr, "sublet: no pod of {} is ready yet: the port refuses connections until one is\n",
               request.service.name);
  return 0;
}

}  // namespace sublet::launcher
