// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/settings.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sublet::launcher;

TEST_CASE("oci settings: what is written is read back", "[oci]") {
  const OciSettings settings{
      "/opt/sublet/libexec/runc", true, 2001, true, sublet::bypass::Level::kFast, {0, 1, 5}, "/run/w",
      {"cpu", "memory"},          true};
  auto read = oci_settings_from_json(to_json(settings));
  REQUIRE(read);
  CHECK(*read == settings);
}

TEST_CASE("oci settings: anything else is refused", "[oci]") {
  for (const char* text : {"", "[]", R"({"runtime":"/r","cgroups":true})"}) {
    INFO(text);
    CHECK_FALSE(oci_settings_from_json(text));
  }
  // What is different from settings that are right; null: not there.
  const OciSettings right{"/r", true, 1};
  for (const char* change :
       {R"({"runtime":"runc"})", R"({"cgroups":1})", R"({"idLimit":0})", R"({"idLimit":-5})",
        R"({"idLimit":4294967296})", R"({"broker":1})", R"({"bypass":"full"})", R"({"cpus":"1-"})", R"({"more":2})",
        R"({"controllers":[1]})", R"({"controllers":"cpu"})", R"({"controllers":null})", R"({"cpus":null})",
        R"({"wrapper":null})", R"({"udp":1})", R"({"udp":null})", R"({"bypass":null})"}) {
    INFO(change);
    auto object = nlohmann::json::parse(to_json(right), nullptr, false);
    REQUIRE(oci_settings_from_json(object.dump()));
    object.merge_patch(nlohmann::json::parse(change, nullptr, false));
    CHECK_FALSE(oci_settings_from_json(object.dump()));
  }
}
