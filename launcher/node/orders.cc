// SPDX-License-Identifier: Apache-2.0
#include "launcher/node/orders.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

using nlohmann::json;

constexpr std::array kReportKinds = {
    std::pair(NodeReport::Kind::kRooted, "rooted"),   std::pair(NodeReport::Kind::kTap, "tap"),
    std::pair(NodeReport::Kind::kService, "service"), std::pair(NodeReport::Kind::kFailed, "failed"),
    std::pair(NodeReport::Kind::kStopped, "stopped"),
};

constexpr std::array kRequestKinds = {
    std::pair(NodeRequest::Kind::kReady, "ready"), std::pair(NodeRequest::Kind::kRestart, "restart"),
    std::pair(NodeRequest::Kind::kStop, "stop"),   std::pair(NodeRequest::Kind::kBroker, "broker"),
    std::pair(NodeRequest::Kind::kHalt, "halt"),   std::pair(NodeRequest::Kind::kSockets, "sockets"),
};

Result<json> parse_object(std::string_view text) {
  json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail("not a JSON object");
  return object;
}

Result<std::string> text_field(const json& object, const char* name) {
  auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return fail(std::string("no text \"") + name + "\"");
  return found->get<std::string>();
}

Result<std::uint32_t> count_field(const json& object, const char* name) {
  auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return fail(std::string("no number \"") + name + "\"");
  return found->get<std::uint32_t>();
}

json to_json(const NodeLink& link) {
  return {{"tap", link.tap}, {"network", netns::to_json(link.network)}, {"services", link.services}};
}

Result<NodeLink> link_from_json(const json& object) {
  if (!object.is_object() || !object.contains("tap") || !object["tap"].is_boolean()) return fail("no \"tap\"");
  NodeLink link;
  link.tap = object["tap"].get<bool>();
  const std::string network = TRY(text_field(object, "network"));
  link.network = TRY(netns::tap_orders_from_json(network));
  link.services = TRY(text_field(object, "services"));
  return link;
}

}  // namespace

std::string to_text(const NodeOrders& orders) {
  json mounts = json::array();
  for (const MountStep& step : orders.mounts) mounts.push_back(to_json(step));
  json services = json::array();
  for (const Service& service : orders.services) services.push_back(to_json(service));
  return json{
      {"hostname", orders.hostname},  {"state_dir", orders.state_dir}, {"mounts", mounts},
      {"link", to_json(orders.link)}, {"services", services},          {"pods_grace_ms", orders.pods_grace.count()},
      {"bypass", orders.bypass},      {"cgroup", orders.cgroup}}
      .dump();
}

Result<NodeOrders> orders_from_text(std::string_view text) {
  json object = TRY(parse_object(text));
  NodeOrders orders;
  orders.hostname = TRY(text_field(object, "hostname"));
  orders.state_dir = TRY(text_field(object, "state_dir"));
  orders.link = TRY_WHILE("link", link_from_json(object.value("link", json())));
  orders.pods_grace = std::chrono::milliseconds(TRY(count_field(object, "pods_grace_ms")));
  if (!object.contains("bypass") || !object["bypass"].is_boolean()) return fail("no \"bypass\"");
  orders.bypass = object["bypass"].get<bool>();
  if (!object.contains("cgroup") || !object["cgroup"].is_boolean()) return fail("no \"cgroup\"");
  orders.cgroup = object["cgroup"].get<bool>();
  for (const json& step : object.value("mounts", json::array()))
    orders.mounts.push_back(TRY(mount_step_from_json(step)));
  for (const json& service : object.value("services", json::array()))
    orders.services.push_back(TRY(service_from_json(service)));
  return orders;
}

std::string to_text(const NodeReport& report) {
  const auto* kind =
      std::find_if(kReportKinds.begin(), kReportKinds.end(), [&](auto& k) { return k.first == report.kind; });
  return json{{"kind", kind->second},    {"lines", report.lines}, {"service", report.service}, {"event", report.event},
              {"detail", report.detail}, {"hint", report.hint},   {"pid", report.pid}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<NodeReport> report_from_text(std::string_view text) {
  json object = TRY(parse_object(text));
  const std::string name = TRY(text_field(object, "kind"));
  const auto* kind = std::find_if(kReportKinds.begin(), kReportKinds.end(), [&](auto& k) { return name == k.second; });
  if (kind == kReportKinds.end()) return fail("report of unknown kind " + name);
  NodeReport report{kind->first, {}, {}, {}, {}, {}, 0};
  report.service = TRY(text_field(object, "service"));
  report.event = TRY(text_field(object, "event"));
  report.detail = TRY(text_field(object, "detail"));
  report.hint = TRY(text_field(object, "hint"));
  for (const json& line : object.value("lines", json::array()))
    if (line.is_string()) report.lines.push_back(line.get<std::string>());
  if (object.contains("pid") && object["pid"].is_number_integer()) report.pid = object["pid"].get<int>();
  return report;
}

std::string to_text(const NodeRequest& request) {
  const auto* kind =
      std::find_if(kRequestKinds.begin(), kRequestKinds.end(), [&](auto& k) { return k.first == request.kind; });
  json object = {{"do", kind->second}, {"service", request.service}};
  if (request.pods_grace) object["pods_grace_ms"] = request.pods_grace->count();
  return object.dump();
}

Result<NodeRequest> request_from_text(std::string_view text) {
  json object = TRY(parse_object(text));
  const std::string what = TRY(text_field(object, "do"));
  const auto* kind =
      std::find_if(kRequestKinds.begin(), kRequestKinds.end(), [&](auto& k) { return what == k.second; });
  if (kind == kRequestKinds.end()) return fail("unknown request " + what);
  NodeRequest request{kind->first, TRY(text_field(object, "service")), {}};
  if (object.contains("pods_grace_ms"))
    request.pods_grace = std::chrono::milliseconds(TRY(count_field(object, "pods_grace_ms")));
  return request;
}

}  // namespace sublet::launcher
