// SPDX-License-Identifier: Apache-2.0
#include "bypass/port_table.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace sublet::bypass {
namespace {

using nlohmann::json;

// The longest that a Service may ask for is a day (sessionAffinityConfig.clientIP.timeoutSeconds).
constexpr std::int64_t kLongestAffinity = 86400;

template <typename Number>
Result<Number> number(const json& value, const std::string& key, std::int64_t most) {
  if (!value.is_number_integer()) return fail("\"" + key + "\" is not a whole number");
  const auto read = value.get<std::int64_t>();
  if (read < 0 || read > most) return fail("\"" + key + "\" is out of range");
  return static_cast<Number>(read);
}

Result<std::uint16_t> port_number(const json& value, const std::string& key) {
  return number<std::uint16_t>(value, key, std::numeric_limits<std::uint16_t>::max());
}

Result<std::string> text(const json& value, const std::string& key) {
  if (!value.is_string()) return fail("\"" + key + "\" is not a text");
  auto read = value.get<std::string>();
  if (read.size() > kLongestKey) return fail("\"" + key + "\" is too long");
  return read;
}

Result<bool> boolean(const json& value, const std::string& key) {
  if (!value.is_boolean()) return fail("\"" + key + "\" is not a boolean");
  return value.get<bool>();
}

Result<IpAddress> address_from(const json& value, const std::string& key) {
  const auto address = parse_ip(TRY(text(value, key)));
  if (!address) return fail("\"" + key + "\" is no address");
  return *address;
}

Result<Cidr> block_from(const json& value) { return parse_cidr(TRY(text(value, "from"))); }

// Each a list: the block, and its exceptions.
Result<std::vector<AddressBlock>> blocks_from(const json& list) {
  if (!list.is_array() || list.size() > kMostBlocks) return fail("\"from\" is no list, or too long");
  std::vector<AddressBlock> blocks;
  for (const json& each : list) {
    if (!each.is_array() || each.empty() || each.size() > kMostBlocks + 1) return fail("\"from\" has no block");
    AddressBlock& block = blocks.emplace_back();
    block.block = TRY(block_from(each[0]));
    for (std::size_t i = 1; i < each.size(); ++i) block.except.push_back(TRY(block_from(each[i])));
  }
  return blocks;
}

Result<PortEndpoint> endpoint_from(const json& object) {
  if (!object.is_object()) return fail("an endpoint is not an object");
  PortEndpoint endpoint;
  bool has_address = false;
  for (const auto& [key, value] : object.items()) {
    if (key == "address") {
      endpoint.address = TRY(address_from(value, key));
      has_address = true;
    } else if (key == "port") {
      endpoint.port = TRY(port_number(value, key));
    } else if (key == "pod") {
      endpoint.pod_uid = TRY(text(value, key));
    } else if (key == "isolated") {
      endpoint.isolated = TRY(boolean(value, key));
    } else if (key == "from") {
      endpoint.from = TRY(blocks_from(value));
    } else {
      return fail("an endpoint: unknown: \"" + key + "\"");
    }
  }
  if (!has_address || endpoint.port == 0) return fail("an endpoint without address or port");
  return endpoint;
}

Result<std::vector<PortEndpoint>> endpoints_from(const json& list) {
  if (!list.is_array() || list.size() > kMostEndpoints) return fail("\"endpoints\" is no list, or too long");
  std::vector<PortEndpoint> endpoints;
  for (const json& each : list) endpoints.push_back(TRY(endpoint_from(each)));
  return endpoints;
}

Result<HostPort> host_port_from(const json& object) {
  if (!object.is_object()) return fail("a port is not an object");
  HostPort port;
  for (const auto& [key, value] : object.items()) {
    if (key == "key")
      port.key = TRY(text(value, key));
    else if (key == "wanted")
      port.wanted = TRY(port_number(value, key));
    else if (key == "last")
      port.last = TRY(port_number(value, key));
    else if (key == "open")
      port.open = TRY(boolean(value, key));
    else if (key == "affinity")
      port.affinity = TRY(number<std::int64_t>(value, key, kLongestAffinity));
    else if (key == "endpoints")
      port.endpoints = TRY(endpoints_from(value));
    else if (key == "address")
      port.address = TRY(address_from(value, key));
    else
      return fail("a port: unknown: \"" + key + "\"");
  }
  if (port.key.empty()) return fail("a port without a key");
  return port;
}

}  // namespace

bool admits_stranger(const PortEndpoint& endpoint, const IpAddress& from) {
  const auto holds = [&](const Cidr& block) { return contains(block, from); };
  return !endpoint.isolated || std::any_of(endpoint.from.begin(), endpoint.from.end(), [&](const AddressBlock& each) {
    return holds(each.block) && std::none_of(each.except.begin(), each.except.end(), holds);
  });
}

std::string to_json(const std::vector<HostPort>& table) {
  json rows = json::array();
  for (const HostPort& port : table) {
    json endpoints = json::array();
    for (const PortEndpoint& each : port.endpoints) {
      json from = json::array();
      for (const AddressBlock& block : each.from) {
        json texts = {block.block.text()};
        for (const Cidr& except : block.except) texts.push_back(except.text());
        from.push_back(std::move(texts));
      }
      endpoints.push_back({{"address", each.address.text()},
                           {"port", each.port},
                           {"pod", each.pod_uid},
                           {"isolated", each.isolated},
                           {"from", std::move(from)}});
    }
    rows.push_back({{"key", port.key},
                    {"wanted", port.wanted},
                    {"last", port.last},
                    {"open", port.open},
                    {"affinity", port.affinity},
                    {"endpoints", std::move(endpoints)}});
    if (port.address) rows.back()["address"] = port.address->text();
  }
  return rows.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::vector<HostPort>> port_table_from_json(std::string_view text) {
  const json rows = json::parse(text, nullptr, false);
  if (!rows.is_array()) return fail("a table of ports is not a JSON list");
  if (rows.size() > kMostPorts) return fail("a table of more than " + std::to_string(kMostPorts) + " ports");
  std::vector<HostPort> table;
  std::set<std::string> keys;
  for (const json& row : rows) {
    HostPort port = TRY_WHILE("a table of ports", host_port_from(row));
    if (!keys.insert(port.key).second) return fail("a table of ports has \"" + port.key + "\" twice");
    table.push_back(std::move(port));
  }
  return table;
}

std::string to_json(const PortState& state) {
  return json{{"key", state.key}, {"address", state.address}, {"port", state.port}, {"error", state.error}}.dump(
      -1, ' ', false, json::error_handler_t::replace);
}

Result<PortState> port_state_from_json(std::string_view from) {
  const json object = json::parse(from, nullptr, false);
  if (!object.is_object()) return fail("a port's state is not a JSON object");
  PortState state;
  for (const auto& [key, value] : object.items()) {
    if (key == "key")
      state.key = TRY(text(value, key));
    else if (key == "address")
      state.address = TRY(text(value, key));
    else if (key == "port")
      state.port = TRY(port_number(value, key));
    else if (key == "error")
      state.error = TRY(text(value, key));
    else
      return fail("a port's state: unknown: \"" + key + "\"");
  }
  if (state.key.empty()) return fail("a port's state without a key");
  return state;
}

}  // namespace sublet::bypass
