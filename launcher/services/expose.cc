// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/expose.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

// A label of DNS has at most 63 characters; a Service's name is one.
constexpr std::size_t kLongestName = 63;

bool is_label(std::string_view text) {
  if (text.empty() || text.size() > kLongestName || text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string text_of(const ServicePort& port) {
  const char* protocol = port.protocol == Protocol::kTcp ? "" : port.protocol == Protocol::kUdp ? "/UDP" : "/SCTP";
  return port.name.empty() ? fmt::format("{}{}", port.port, protocol)
                           : fmt::format("{} ({}{})", port.name, port.port, protocol);
}

std::string list_of(const ServiceObject& service) {
  std::vector<std::string> all;
  for (const ServicePort& each : service.ports) all.push_back(text_of(each));
  return join(all, ", ");
}

}  // namespace

Result<ServiceName> parse_service_name(std::string_view word) {
  const std::string hint = "it is svc/NAME or svc/NAME:PORT, as in `sublet expose svc/redis`";
  std::string_view rest = word;
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    const std::string_view kind = rest.substr(0, slash);
    if (kind != "svc" && kind != "service" && kind != "services")
      return fail(fmt::format("\"{}\": only Services can be exposed", word), hint, ExitCode::kUsage);
    rest.remove_prefix(slash + 1);
  }
  ServiceName found;
  const std::size_t colon = rest.find(':');
  found.name = rest.substr(0, colon);
  if (!is_label(found.name)) return fail(fmt::format("\"{}\" names no Service", word), hint, ExitCode::kUsage);
  if (colon == std::string_view::npos) return found;
  found.port = rest.substr(colon + 1);
  if (!is_label(found.port)) return fail(fmt::format("\"{}\": no port after the colon", word), hint, ExitCode::kUsage);
  return found;
}

Result<ServicePort> choose_port(const ServiceObject& service, const std::string& wanted) {
  const std::string name = "Service " + service.ns + "/" + service.name;
  if (service.type == "ExternalName")
    return fail(fmt::format("{} is of type ExternalName: it only stands for the name {}", name, service.external_name),
                "connect to " + service.external_name);
  if (service.ports.empty()) return fail(name + " has no port");
  std::vector<ServicePort> fit;
  const auto number = parse_int<std::uint16_t>(wanted);
  for (const ServicePort& each : service.ports)
    if (wanted.empty() || each.name == wanted || (number && each.port == *number)) fit.push_back(each);
  if (fit.empty()) return fail(fmt::format("{} has no port {}", name, wanted), "it has " + list_of(service));
  std::vector<ServicePort> tcp;
  std::copy_if(fit.begin(), fit.end(), std::back_inserter(tcp),
               [](const ServicePort& each) { return each.protocol == Protocol::kTcp; });
  if (tcp.empty())
    return fail(fmt::format("{}: port {} is not TCP, and only TCP can be exposed", name, text_of(fit.front())));
  if (tcp.size() > 1)
    return fail(name + " has several ports",
                fmt::format("say which: svc/{}:PORT; it has {}", service.name, list_of(service)));
  return tcp.front();
}

std::string to_json(const ExposeRequest& request) {
  return json{{"action", request.action},     {"namespace", request.ns},  {"service", request.service.name},
              {"port", request.service.port}, {"wanted", request.wanted}, {"public", request.open}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<ExposeRequest> expose_request_from_json(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail("the request is not a JSON object");
  ExposeRequest request;
  for (const auto& [key, value] : object.items()) {
    if (key == "action" && value.is_string())
      request.action = value.get<std::string>();
    else if (key == "namespace" && value.is_string())
      request.ns = value.get<std::string>();
    else if (key == "service" && value.is_string())
      request.service.name = value.get<std::string>();
    else if (key == "port" && value.is_string())
      request.service.port = value.get<std::string>();
    else if (key == "wanted" && value.is_number_unsigned() && value.get<std::uint64_t>() <= 65535)
      request.wanted = value.get<std::uint16_t>();
    else if (key == "public" && value.is_boolean())
      request.open = value.get<bool>();
    else
      return fail("the request: unknown or wrong: \"" + key + "\"");
  }
  return request;
}

}  // namespace sublet::launcher
