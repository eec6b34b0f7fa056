// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/grant.h"

#include <nlohmann/json.hpp>

namespace sublet::launcher {

using nlohmann::json;

std::string to_json(const Grant& grant) {
  json prefixes = json::array();
  for (const Cidr& prefix : grant.prefixes) prefixes.push_back(prefix.text());
  return json{{"cluster", grant.cluster},
              {"refusal", grant.refusal},
              {"prefixes", prefixes},
              {"dns", grant.dns.text()},
              {"domain", grant.domain}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Grant> grant_from_json(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail("not a JSON object");
  auto text_at = [&](const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  Grant grant;
  grant.cluster = text_at("cluster");
  grant.refusal = text_at("refusal");
  if (!grant.refusal.empty()) return grant;
  const auto prefixes = object.find("prefixes");
  if (prefixes == object.end() || !prefixes->is_array()) return fail("no \"prefixes\"");
  for (const json& prefix : *prefixes) {
    if (!prefix.is_string()) return fail("a prefix that is no text");
    grant.prefixes.push_back(TRY(parse_cidr(prefix.get<std::string>())));
  }
  const auto dns = parse_ip(text_at("dns"));
  grant.domain = text_at("domain");
  if (!dns || grant.domain.empty()) return fail("no \"dns\" or \"domain\"");
  grant.dns = *dns;
  return grant;
}

}  // namespace sublet::launcher
