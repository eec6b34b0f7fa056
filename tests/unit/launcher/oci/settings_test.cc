// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/settings.h"

#include <catch2/catch.hpp>

using namespace sublet::launcher;

TEST_CASE("oci settings: what is written is read back", "[oci]") {
  const OciSettings settings{"/opt/sublet/libexec/runc", false, 2001};
  auto read = oci_settings_from_json(to_json(settings));
  REQUIRE(read);
  CHECK(*read == settings);
}

TEST_CASE("oci settings: anything else is refused", "[oci]") {
  const char* const bad[] = {
      "",
      "[]",
      R"({"runtime":"/r","cgroups":true})",
      R"({"runtime":"runc","cgroups":true,"idLimit":1})",
      R"({"runtime":"/r","cgroups":1,"idLimit":1})",
      R"({"runtime":"/r","cgroups":true,"idLimit":0})",
      R"({"runtime":"/r","cgroups":true,"idLimit":-5})",
      R"({"runtime":"/r","cgroups":true,"idLimit":4294967296})",
      R"({"runtime":"/r","cgroups":true,"idLimit":1,"more":2})",
  };
  for (const char* text : bad) {
    INFO(text);
    CHECK_FALSE(oci_settings_from_json(text));
  }
}
