// SPDX-License-Identifier: Apache-2.0
#include "bypass/orders.h"

#include <nlohmann/json.hpp>

namespace sublet::bypass {
namespace {

using nlohmann::json;

json texts(const std::vector<Cidr>& prefixes) {
  json list = json::array();
  for (const Cidr& prefix : prefixes) list.push_back(prefix.text());
  return list;
}

Result<std::vector<Cidr>> prefixes(const json& list, const std::string& key) {
  if (!list.is_array()) return fail("\"" + key + "\" is not a list");
  std::vector<Cidr> found;
  for (const json& each : list) {
    if (!each.is_string()) return fail("\"" + key + "\" holds something that is not a text");
    found.push_back(TRY_WHILE("\"" + key + "\"", parse_cidr(each.get_ref<const std::string&>())));
  }
  return found;
}

}  // namespace

std::string to_json(const BrokerOrders& orders) {
  return json{{"device", orders.device},        {"cluster", texts(orders.cluster)},
              {"denied", texts(orders.denied)}, {"podsHaveIpv6", orders.pods_have_ipv6},
              {"policies", orders.policies},    {"ports", orders.ports}}
      .dump();
}

Result<BrokerOrders> broker_orders_from_json(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail("the broker's orders are not a JSON object");
  BrokerOrders orders;
  for (const auto& [key, value] : object.items()) {
    if (key == "device" && value.is_string()) {
      orders.device = value.get<std::string>();
    } else if (key == "cluster") {
      orders.cluster = TRY(prefixes(value, key));
    } else if (key == "denied") {
      orders.denied = TRY(prefixes(value, key));
    } else if (key == "podsHaveIpv6" && value.is_boolean()) {
      orders.pods_have_ipv6 = value.get<bool>();
    } else if (key == "policies" && value.is_boolean()) {
      orders.policies = value.get<bool>();
    } else if (key == "ports" && value.is_boolean()) {
      orders.ports = value.get<bool>();
    } else {
      return fail("the broker's orders: unknown or wrong: \"" + key + "\"");
    }
  }
  return orders;
}

}  // namespace sublet::bypass
