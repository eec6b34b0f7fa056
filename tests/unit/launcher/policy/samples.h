// SPDX-License-Identifier: Apache-2.0
// A small cluster for the tests of policies: namespaces «shop» (team: a) and «lab» (team: b), pods with labels app and
// tier.
#pragma once

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "launcher/policy/compile.h"

namespace sublet::test {

using namespace sublet::launcher;

inline IpAddress ip(const char* text) {
  const auto address = parse_ip(text);
  REQUIRE(address);
  return *address;
}

inline NetworkPolicy policy(const char* spec, const char* ns = "shop", const char* name = "p") {
  nlohmann::json object = {{"metadata", {{"namespace", ns}, {"name", name}}}, {"spec", nlohmann::json::parse(spec)}};
  auto parsed = policy_from_json(object);
  if (!parsed) FAIL(parsed.error().what);
  return *parsed;
}

inline PolicyWorld world(std::vector<NetworkPolicy> policies) {
  PolicyWorld world;
  world.policies = std::move(policies);
  world.namespaces = {{"shop", {{"team", "a"}}}, {"lab", {{"team", "b"}}}};
  world.pods = {
      {"u-web", "shop", "web", {{"app", "web"}, {"tier", "front"}}, {{"http", Protocol::kTcp, 8080}}, false},
      {"u-web2", "shop", "web2", {{"app", "web"}, {"tier", "front"}}, {{"http", Protocol::kTcp, 9090}}, false},
      {"u-db", "shop", "db", {{"app", "db"}}, {{"sql", Protocol::kTcp, 5432}, {"sql", Protocol::kUdp, 5433}}, false},
      {"u-lab", "lab", "lab", {{"app", "web"}}, {{"http", Protocol::kTcp, 7070}}, false},
      {"u-node", "shop", "on-node", {{"app", "web"}}, {}, true},
      {"u-new", "shop", "new", {{"app", "new"}}, {}, false},
  };
  world.addresses = {{"u-web", ip("10.42.0.2")},
                     {"u-web2", ip("10.42.0.3")},
                     {"u-db", ip("10.42.0.4")},
                     {"u-lab", ip("10.42.0.5")},
                     {"u-node", ip("10.0.2.100")}};
  return world;
}

}  // namespace sublet::test
