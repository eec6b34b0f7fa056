// SPDX-License-Identifier: Apache-2.0
#include "netns/tap_orders.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

namespace sublet::netns {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxResolvConfBytes = std::size_t{64} << 10;

Result<void> check_subnet(const TapSubnet& subnet, bool v6) {
  std::string prefix = subnet.prefix.text();
  if (subnet.prefix.address.v6 != v6) return fail(fmt::format("{} is of the wrong family", prefix));
  if (v6 && subnet.prefix.length != 64) return fail(fmt::format("{}: an IPv6 prefix here must be a /64", prefix));
  if (!v6 && (subnet.prefix.length < 8 || subnet.prefix.length > 29))
    return fail(fmt::format("{}: the prefix length must be from 8 to 29", prefix));
  for (const IpAddress& address : {subnet.gateway, subnet.dns, subnet.guest}) {
    if (!contains(subnet.prefix, address)) return fail(fmt::format("{} is not in {}", address.text(), prefix));
    bool last = !v6 && address == *nth(subnet.prefix, (std::uint64_t{1} << (32 - subnet.prefix.length)) - 1);
    if (address == subnet.prefix.address || last)
      return fail(fmt::format("{} is the network's own or its broadcast address", address.text()));
  }
  if (subnet.gateway == subnet.dns || subnet.gateway == subnet.guest || subnet.dns == subnet.guest)
    return fail(fmt::format("{}: gateway, name server and guest must have an address each", prefix));
  return {};
}

TapSubnet usual_numbers(const Cidr& prefix) {
  // A prefix that is too small gives equal addresses, which check() refuses.
  auto at = [&](std::uint64_t n) { return nth(prefix, n).value_or(prefix.address); };
  std::uint64_t guest = prefix.address.v6 ? 0x100 : nth(prefix, 127) ? 100 : 4;
  return TapSubnet{prefix, at(2), at(3), at(guest)};
}

json subnet_json(const TapSubnet& subnet) {
  return {{"prefix", subnet.prefix.text()},
          {"gateway", subnet.gateway.text()},
          {"dns", subnet.dns.text()},
          {"guest", subnet.guest.text()}};
}

// Each key must be there, and no other.
Result<void> expect_keys(const json& object, const std::string& where, const std::set<std::string>& keys) {
  if (!object.is_object()) return fail(where + " is not an object");
  for (const std::string& key : keys)
    if (!object.contains(key)) return fail(fmt::format("{}: \"{}\" is missing", where, key));
  for (const auto& [key, value] : object.items())
    if (!keys.contains(key)) return fail(fmt::format("{}: unknown key \"{}\"", where, key));
  return {};
}

Result<std::string> text_at(const json& object, const std::string& where, const char* key) {
  const json& value = object.at(key);
  if (!value.is_string()) return fail(fmt::format("{}: \"{}\" is not a text", where, key));
  return value.get<std::string>();
}

Result<IpAddress> address_at(const json& object, const std::string& where, const char* key) {
  std::string text = TRY(text_at(object, where, key));
  auto address = parse_ip(text);
  if (!address) return fail(fmt::format("{}: \"{}\" is not an address", where, text));
  return *address;
}

Result<TapSubnet> subnet_from(const json& object, const std::string& where) {
  TRY(expect_keys(object, where, {"prefix", "gateway", "dns", "guest"}));
  TapSubnet subnet;
  std::string prefix = TRY(text_at(object, where, "prefix"));
  subnet.prefix = TRY_WHILE(where, parse_cidr(prefix));
  subnet.gateway = TRY(address_at(object, where, "gateway"));
  subnet.dns = TRY(address_at(object, where, "dns"));
  subnet.guest = TRY(address_at(object, where, "guest"));
  return subnet;
}

Result<TapOrders> parse(std::string_view text) {
  json object = json::parse(text, nullptr, false);
  if (object.is_discarded()) return fail("not JSON");
  TRY(expect_keys(object, "orders", {"v4", "v6", "mtu", "resolv_conf", "denied"}));
  TapOrders orders;
  orders.v4 = TRY(subnet_from(object.at("v4"), "v4"));
  if (!object.at("v6").is_null()) orders.v6 = TRY(subnet_from(object.at("v6"), "v6"));
  const json& mtu = object.at("mtu");
  if (!mtu.is_number_unsigned() || mtu.get<std::uint64_t>() > kMaxTapMtu)
    return fail(fmt::format("mtu: not a number up to {}", kMaxTapMtu));
  orders.mtu = mtu.get<std::uint32_t>();
  orders.resolv_conf = TRY(text_at(object, "orders", "resolv_conf"));
  if (!object.at("denied").is_array()) return fail("denied: not a list");
  for (const json& each : object.at("denied")) {
    if (!each.is_string()) return fail("denied: holds something that is not a text");
    orders.denied.push_back(TRY_WHILE("denied", parse_cidr(each.get_ref<const std::string&>())));
  }
  TRY(check(orders));
  return orders;
}

}  // namespace

Result<TapOrders> make_tap_orders(const Cidr& v4, const std::optional<Cidr>& v6, std::uint32_t mtu,
                                  std::string resolv_conf) {
  TapOrders orders{usual_numbers(v4), std::nullopt, mtu, std::move(resolv_conf)};
  if (v6) orders.v6 = usual_numbers(*v6);
  TRY(check(orders));
  return orders;
}

Result<void> check(const TapOrders& orders) {
  TRY(check_subnet(orders.v4, false));
  if (orders.v6) TRY(check_subnet(*orders.v6, true));
  std::uint32_t least = orders.v6 ? kMinTapMtuWithIpv6 : kMinTapMtu;
  if (orders.mtu < least || orders.mtu > kMaxTapMtu)
    return fail(fmt::format("an MTU of {} is not within {} to {}", orders.mtu, least, kMaxTapMtu),
                orders.v6 ? "IPv6 needs at least 1280; without it 576 will do" : "");
  if (orders.resolv_conf.size() > kMaxResolvConfBytes) return fail("the resolv.conf is above 64 KiB");
  return {};
}

std::string to_json(const TapOrders& orders) {
  json denied = json::array();
  for (const Cidr& prefix : orders.denied) denied.push_back(prefix.text());
  json object{{"v4", subnet_json(orders.v4)},
              {"v6", orders.v6 ? subnet_json(*orders.v6) : json(nullptr)},
              {"mtu", orders.mtu},
              {"resolv_conf", orders.resolv_conf},
              {"denied", std::move(denied)}};
  // Bytes that are no UTF-8 would make dump() throw; nothing that a resolver reads has any.
  return object.dump(-1, ' ', false, json::error_handler_t::ignore);
}

Result<TapOrders> tap_orders_from_json(std::string_view text) { return TRY_WHILE("tap orders", parse(text)); }

LinkPlan tap_link(const TapOrders& orders, const std::string& name) {
  LinkPlan plan{name, orders.mtu, {{orders.v4.guest, orders.v4.prefix.length}}, {orders.v4.gateway}};
  if (orders.v6) {
    plan.addresses.push_back({orders.v6->guest, orders.v6->prefix.length});
    plan.gateways.push_back(orders.v6->gateway);
  }
  return plan;
}

std::vector<IpAddress> virtual_name_servers(const TapOrders& orders, const ResolvConf& host) {
  std::vector<IpAddress> servers;
  if (has_v4_nameserver(host)) servers.push_back(orders.v4.dns);
  if (orders.v6 && has_v6_nameserver(host)) servers.push_back(orders.v6->dns);
  return servers;
}

}  // namespace sublet::netns
