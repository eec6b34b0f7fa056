// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/settings.h"

#include <catch2/catch.hpp>

using namespace sublet::launcher;

TEST_CASE("oci settings: what is written is read back", "[oci]") {
  const OciSettings settings{"/opt/sublet/libexec/runc",   false,     2001,    true,
                             sublet::bypass::Level::kFast, {0, 1, 5}, "/run/w"};
  auto read = oci_settings_from_json(to_json(settings));
  REQUIRE(read);
  CHECK(*read == settings);
}

TEST_CASE("oci settings: anything else is refused", "[oci]") {
  const char* const bad[] = {
      "",
      "[]",
      R"({"runtime":"/r","cgroups":true})",
      R"({"runtime":"runc","cgroups":true,"idLimit":1,"broker":true,"bypass":"off","cpus":"","wrapper":""})",
      R"({"runtime":"/r","cgroups":1,"idLimit":1,"broker":true,"bypass":"off","cpus":"","wrapper":""})",
      R"({"runtime":"/r","cgroups":true,"idLimit":0,"broker":true,"bypass":"off","cpus":"","wrapper":""})",
      R"({"runtime":"/r","cgroups":true,"idLimit":-5,"broker":true,"bypass":"off","cpus":"","wrapper":""})",
      R"({"runtime":"/r","cgroups":true,"idLimit":4294967296,"broker":true,"bypass":"off","cpus":"","wrapper":""})",
      R"({"runtime":"/r","cgroups":true,"idLimit":1})",
      R"({"runtime":"/r","cgroups":true,"idLimit":1,"broker":1,"bypass":"off","cpus":"","wrapper":""})",
      R"({"runtime":"/r","cgroups":true,"idLimit":1,"broker":true,"bypass":"full","cpus":"","wrapper":""})",
      R"({"runtime":"/r","cgroups":true,"idLimit":1,"broker":true,"bypass":"off","cpus":"","wrapper":"","more":2})",
      R"({"runtime":"/r","cgroups":true,"idLimit":1,"broker":true,"bypass":"off","cpus":"1-","wrapper":""})",
      R"({"runtime":"/r","cgroups":true,"idLimit":1,"broker":true,"bypass":"off"})",
  };
  for (const char* text : bad) {
    INFO(text);
    CHECK_FALSE(oci_settings_from_json(text));
  }
}
