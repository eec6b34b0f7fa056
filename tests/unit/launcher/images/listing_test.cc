// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/listing.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

// As ctr of containerd 2.4 prints it.
constexpr const char* kTable =
    "REF                    TYPE                                       DIGEST         SIZE    PLATFORMS   LABELS\n"
    "docker.io/library/bb:1 application/vnd.oci.image.manifest.v1+json sha256:a450e7b26280535b7bdf9b6496 1.0 MiB "
    "linux/amd64 io.cri-containerd.pinned=pinned,io.cri-containerd.image=managed \n"
    "docker.io/library/bb@sha256:a450 application/vnd.oci.image.index.v1+json sha256:a450 1.0 MiB linux/amd64 - \n"
    "r.example/multi:2 application/vnd.oci.image.index.v1+json sha256:b1 43.2 MiB linux/amd64,linux/arm64 - \n"
    "sha256:c80aaf25 application/vnd.oci.image.manifest.v1+json sha256:a450 1.0 MiB linux/amd64 - \n";

TEST_CASE("listing: ctr's table, without what containerd keeps for itself", "[images]") {
  const auto images = parse_ctr_list(kTable);
  REQUIRE(images);
  REQUIRE(images->size() == 2);
  CHECK(images->at(0).name == "docker.io/library/bb:1");
  CHECK(images->at(0).digest == "sha256:a450e7b26280535b7bdf9b6496");
  CHECK(images->at(0).size == "1.0 MiB");
  CHECK(images->at(1).platforms == std::vector<std::string>{"linux/amd64", "linux/arm64"});
}

TEST_CASE("listing: an empty table is fine, another shape is not", "[images]") {
  CHECK(parse_ctr_list("REF TYPE DIGEST SIZE PLATFORMS LABELS \n")->empty());
  CHECK_FALSE(parse_ctr_list(""));
  CHECK_FALSE(parse_ctr_list("ctr: connection refused\n"));
  CHECK_FALSE(parse_ctr_list("REF TYPE DIGEST SIZE PLATFORMS LABELS\nx y z\n"));
}

TEST_CASE("listing: as text and as JSON", "[images]") {
  const auto images = *parse_ctr_list(kTable);
  CHECK(images_text(images) ==
        "NAME                    DIGEST                     SIZE\n"
        "docker.io/library/bb:1  sha256:a450e7b26280     1.0 MiB\n"
        "r.example/multi:2       sha256:b1              43.2 MiB\n");
  const auto json = nlohmann::json::parse(images_json(images), nullptr, false);
  REQUIRE(json.is_array());
  CHECK(json[1] == nlohmann::json({{"name", "r.example/multi:2"},
                                   {"digest", "sha256:b1"},
                                   {"size", "43.2 MiB"},
                                   {"platforms", {"linux/amd64", "linux/arm64"}}}));
}

}  // namespace
}  // namespace sublet::launcher
