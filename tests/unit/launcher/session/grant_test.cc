// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/grant.h"

#include <catch2/catch.hpp>

using namespace sublet;
using namespace sublet::launcher;

TEST_CASE("grant: survives being text", "[session]") {
  const Grant grant{"default", "", {*parse_cidr("10.42.0.0/24")}, *parse_ip("10.0.2.100"), "cluster.local"};
  const auto back = grant_from_json(to_json(grant));
  REQUIRE(back);
  CHECK(back->cluster == "default");
  CHECK(back->prefixes == grant.prefixes);
  CHECK(back->dns == grant.dns);
  CHECK(back->domain == "cluster.local");
  const auto refused = grant_from_json(to_json(Grant{"default", "is still starting", {}, {}, ""}));
  REQUIRE(refused);
  CHECK(refused->refusal == "is still starting");
}

TEST_CASE("grant: what is none", "[session]") {
  for (const char* text :
       {"", "unknown request", "[]", "{}", R"({"prefixes": [1], "dns": "10.0.2.100", "domain": "x"})",
        R"({"prefixes": ["10.42.0.1/24"], "dns": "10.0.2.100", "domain": "x"})",
        R"({"prefixes": [], "dns": "here", "domain": "x"})", R"({"prefixes": [], "dns": "::1"})"}) {
    CAPTURE(text);
    CHECK_FALSE(grant_from_json(text));
  }
}
