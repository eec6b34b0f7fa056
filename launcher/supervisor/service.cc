// SPDX-License-Identifier: Apache-2.0
#include "launcher/supervisor/service.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace sublet::launcher {
namespace {

using nlohmann::json;

constexpr std::pair<Readiness::Kind, const char*> kKinds[] = {
    {Readiness::Kind::kStarted, "started"},
    {Readiness::Kind::kTcp, "tcp"},
    {Readiness::Kind::kUnix, "unix"},
    {Readiness::Kind::kTold, "told"},
};

bool all_strings(const json& list) {
  return list.is_array() && std::all_of(list.begin(), list.end(), [](const json& item) { return item.is_string(); });
}

// The field as T, checked by `is`, or an error that names it.
template <typename T, typename Check>
Result<T> field(const json& object, const char* name, Check is) {
  auto found = object.find(name);
  if (found == object.end()) return fail(std::string("no \"") + name + "\"");
  if (!is(*found)) return fail(std::string("\"") + name + "\" has the wrong type");
  return found->template get<T>();
}

bool all_pairs(const json& list) {
  return list.is_array() &&
         std::all_of(list.begin(), list.end(), [](const json& item) { return all_strings(item) && item.size() == 2; });
}

const auto kIsString = [](const json& j) { return j.is_string(); };
const auto kIsCount = [](const json& j) { return j.is_number_unsigned(); };

Result<Readiness> readiness_from_json(const json& object) {
  if (!object.is_object()) return fail("\"readiness\" is not an object");
  Readiness readiness;
  const auto kind = TRY(field<std::string>(object, "kind", kIsString));
  const auto* known = std::find_if(std::begin(kKinds), std::end(kKinds), [&](auto& k) { return kind == k.second; });
  if (known == std::end(kKinds)) return fail("readiness kind \"" + kind + "\" is unknown");
  readiness.kind = known->first;
  readiness.address = TRY(field<std::string>(object, "address", kIsString));
  const auto port = TRY(field<std::uint64_t>(object, "port", kIsCount));
  if (port > UINT16_MAX) return fail("port " + std::to_string(port) + " is no port");
  readiness.port = static_cast<std::uint16_t>(port);
  readiness.path = TRY(field<std::string>(object, "path", kIsString));
  return readiness;
}

}  // namespace

json to_json(const Service& service) {
  const auto* kind =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](auto& k) { return service.readiness.kind == k.first; });
  return {{"name", service.name},
          {"argv", service.argv},
          {"env", service.env},
          {"log_path", service.log_path},
          {"after", service.after},
          {"readiness",
           {{"kind", kind->second},
            {"address", service.readiness.address},
            {"port", service.readiness.port},
            {"path", service.readiness.path}}},
          {"stop_grace_ms", static_cast<std::uint64_t>(service.stop_grace.count())},
          {"fake_ids_limit", service.fake_ids_limit},
          {"open_files", service.open_files},
          {"nicer", service.nicer},
          {"timer_slack_us", static_cast<std::uint64_t>(service.timer_slack.count())},
          {"own_view", service.own_view}};
}

Result<Service> service_from_json(const json& object) {
  if (!object.is_object()) return fail("a service is not an object");
  Service service;
  service.name = TRY(field<std::string>(object, "name", kIsString));
  service.argv = TRY_WHILE(service.name, field<std::vector<std::string>>(object, "argv", all_strings));
  service.env = TRY_WHILE(service.name, field<std::vector<std::string>>(object, "env", all_strings));
  service.log_path = TRY_WHILE(service.name, field<std::string>(object, "log_path", kIsString));
  service.after = TRY_WHILE(service.name, field<std::vector<std::string>>(object, "after", all_strings));
  const auto readiness = object.find("readiness");
  if (readiness == object.end()) return fail(service.name + ": no \"readiness\"");
  service.readiness = TRY_WHILE(service.name, readiness_from_json(*readiness));
  if (service.is_milestone() && service.readiness.kind != Readiness::Kind::kTold)
    return fail(service.name + ": \"argv\" is empty, and it is no milestone");
  service.stop_grace =
      std::chrono::milliseconds(TRY_WHILE(service.name, field<std::uint32_t>(object, "stop_grace_ms", kIsCount)));
  service.fake_ids_limit = TRY_WHILE(service.name, field<std::uint32_t>(object, "fake_ids_limit", kIsCount));
  service.open_files = TRY_WHILE(service.name, field<std::uint64_t>(object, "open_files", kIsCount));
  service.nicer = TRY_WHILE(service.name, field<std::uint32_t>(object, "nicer", kIsCount));
  service.timer_slack =
      std::chrono::microseconds(TRY_WHILE(service.name, field<std::uint32_t>(object, "timer_slack_us", kIsCount)));
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  service.own_view = TRY_WHILE(service.name, field<Pairs>(object, "own_view", all_pairs));
  return service;
}

Result<std::vector<Service>> in_start_order(std::vector<Service> services) {
  std::set<std::string> names;
  for (const Service& service : services)
    if (!names.insert(service.name).second) return fail("two services are called " + service.name);
  for (const Service& service : services)
    for (const std::string& needed : service.after)
      if (!names.contains(needed)) return fail(service.name + " comes after " + needed + ", which is no service");
  std::vector<Service> ordered;
  std::set<std::string> placed;
  while (!services.empty()) {
    auto next = std::find_if(services.begin(), services.end(), [&](const Service& service) {
      return std::all_of(service.after.begin(), service.after.end(),
                         [&](const std::string& needed) { return placed.contains(needed); });
    });
    if (next == services.end()) return fail(services.front().name + " waits for itself, by way of others");
    placed.insert(next->name);
    ordered.push_back(std::move(*next));
    services.erase(next);
  }
  return ordered;
}

}  // namespace sublet::launcher
