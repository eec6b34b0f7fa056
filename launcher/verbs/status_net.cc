// SPDX-License-Identifier: Apache-2.0
// `status --net`: which pods' connections run as the host's, and why the others don't.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "launcher/session/control.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

std::string reasons(const json& counts) {
  std::string text;
  const json left = counts.value("left", json::object());
  for (const auto& [reason, count] : left.items())
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", reason, count.get<std::uint64_t>());
  return text.empty() ? "-" : text;
}

std::string row(const std::string& name, const std::string& level, const json& counts) {
  const json inward = counts.value("inward", json::object());
  return fmt::format("{:<44} {:<6} {:>8} {:>11} {:>7} {:>8} {:>8}  {}\n", name, level, counts.value("sockets", 0U),
                     counts.value("connections", 0U), counts.value("failed", 0U), inward.value("handed", 0U),
                     inward.value("relayed", 0U), reasons(counts));
}

std::string port_row(const json& port) {
  const std::string address =
      port.value("address", "").empty() ? "-" : fmt::format("{}:{}", port.value("address", ""), port.value("port", 0));
  std::string note = port.value("error", "");
  if (port.value("public", false)) note = note.empty() ? "public" : "public; " + note;
  const auto refused = port.value("strangers", 0U) + port.value("isolated", 0U) + port.value("failed", 0U);
  return fmt::format("{:<44} {:<24} {:>9} {:>7} {:>8} {:>7}  {}\n", port.value("key", ""), address,
                     port.value("endpoints", 0U), port.value("handed", 0U), port.value("relayed", 0U), refused, note);
}

std::string as_text(const json& report) {
  const std::string device = report.value("device", "");
  std::string text = device.empty() ? "the host has no device that leads outside: all goes through the tap\n\n"
                                    : fmt::format("bypassed connections leave by {}\n\n", device);
  text += fmt::format("{:<44} {:<6} {:>8} {:>11} {:>7} {:>8} {:>8}  {}\n", "POD", "LEVEL", "SOCKETS", "CONNECTIONS",
                      "FAILED", "ACCEPTED", "RELAYED", "LEFT TO THE POD'S OWN NETWORK");
  const json pods = report.value("pods", json::array());
  for (const json& pod : pods)
    text += row(pod.value("namespace", "") + "/" + pod.value("pod", ""), pod.value("level", ""), pod);
  text += row("(ended)", "", report.value("ended", json::object()));
  text += row("(all)", "", report.value("total", json::object()));
  const json ports = report.value("ports", json::array());
  if (ports.empty()) return text;
  text += fmt::format("\n{:<44} {:<24} {:>9} {:>7} {:>8} {:>7}  {}\n", "PORT OF THE HOST", "ADDRESS", "ENDPOINTS",
                      "HANDED", "RELAYED", "REFUSED", "");
  for (const json& port : ports) text += port_row(port);
  return text;
}

}  // namespace

Result<int> status_net(const Invocation& invocation) {
  const Cluster cluster = TRY(chosen_cluster(invocation.loaded.config));
  const json status = json::parse(cluster.status, nullptr, false);
  const json ladders = status.is_object() ? status.value("ladders", json::object()) : json::object();
  if (ladders.value("bypass", "none") == "none")
    return fail("cluster " + cluster.id.name + " has no bypass",
                "`sublet doctor` says why, or network.bypass is \"off\"", ExitCode::kPrerequisite);
  const Asked asked = TRY_WHILE("asking the bypass's broker", ask(cluster.path + "/" + kBrokerSocket, "status"));
  const json report = json::parse(asked.answer, nullptr, false);
  if (!report.is_object()) return fail("the bypass's broker gave no sensible answer");
  fmt::print("{}", invocation.options.json ? report.dump(2) + "\n" : as_text(report));
  return 0;
}

}  // namespace sublet::launcher
