// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/contents.h"

#include <catch2/catch.hpp>

#include "tests/unit/launcher/images/samples.h"

namespace sublet::launcher {
namespace {

using namespace test;
using Strings = std::vector<std::string>;

TEST_CASE("contents: an OCI archive's image, its platform and size", "[images]") {
  const auto images = images_in(contents(oci_archive()));
  REQUIRE(images);
  REQUIRE(images->size() == 1);
  const ImageInfo& image = images->front();
  CHECK(image.name == "docker.io/library/x:1");
  CHECK(image.digest == "sha256:am");
  CHECK(image.platforms == Strings{"linux/amd64"});
  CHECK(image.bytes > kLayer.size());
}

TEST_CASE("contents: containerd's own annotation is preferred for the name", "[images]") {
  Members members;
  json image = named(add_image(members, "a", "amd64"), "latest");
  image["annotations"]["io.containerd.image.name"] = "docker.io/library/y:2";
  members.emplace_back("index.json", json{{"manifests", {image}}}.dump());
  members.emplace_back("oci-layout", "{}");
  CHECK(images_in(contents(members))->front().name == "docker.io/library/y:2");
}

TEST_CASE("contents: a docker-archive gives each tag by its full name", "[images]") {
  const auto images = images_in(contents(docker_archive()));
  REQUIRE(images);
  REQUIRE(images->size() == 2);
  CHECK(images->at(0).name == "docker.io/library/redis:7");
  CHECK(images->at(1).name == "r.example/x:1");
  CHECK(images->at(1).platforms == Strings{"linux/amd64"});
}

TEST_CASE("contents: both kinds in one file are read as OCI, as containerd does", "[images]") {
  Members members = oci_archive();
  for (const auto& member : docker_archive()) members.push_back(member);
  CHECK(images_in(contents(members))->size() == 1);
}

TEST_CASE("contents: of an index, other platforms may be missing, but not all", "[images]") {
  Members members;
  const json amd64 = add_image(members, "a", "amd64");
  const json arm64 = add_image(members, "b", "arm64");
  const std::string index = json{{"manifests", {amd64, arm64}}}.dump();
  add_blob(members, "i", index);
  members.emplace_back("index.json", json{{"manifests", {named(descriptor("i", index), "r.example/x:1")}}}.dump());
  members.emplace_back("oci-layout", "{}");
  CHECK(images_in(contents(members))->front().platforms == Strings{"linux/amd64", "linux/arm64"});
  Members one = without(members, "blobs/sha256/am");
  CHECK(images_in(contents(one))->front().platforms == Strings{"linux/arm64"});
  const auto none = images_in(contents(without(one, "blobs/sha256/bm")));
  REQUIRE_FALSE(none);
  CHECK(none.error().what == "the archive is incomplete: no manifest of index sha256:i is in it");
}

TEST_CASE("contents: whatever is missing makes an archive incomplete", "[images]") {
  for (const auto& [path, text] : oci_archive()) {
    if (path == "oci-layout") continue;  // that makes it no image archive at all
    CAPTURE(path);
    CHECK_FALSE(images_in(contents(without(oci_archive(), path))));
  }
  for (const auto& [path, text] : docker_archive()) {
    CAPTURE(path);
    CHECK_FALSE(images_in(contents(without(docker_archive(), path))));
  }
}

TEST_CASE("contents: a blob that is shorter than promised is told with both sizes", "[images]") {
  ArchiveContents cut = contents(oci_archive());
  cut.entries["blobs/sha256/al"].size = 100;
  const auto images = images_in(cut);
  REQUIRE_FALSE(images);
  CHECK(images.error().what == "the archive is incomplete: blob sha256:al has 100 of 3000 bytes");
}

TEST_CASE("contents: layers that must be fetched elsewhere may be missing", "[images]") {
  Members members;
  const json foreign = {{"digest", "sha256:far"}, {"size", 5}, {"urls", {"https://x.example/y"}}};
  const std::string config = "{}";
  const std::string manifest = json{{"config", descriptor("c", config)}, {"layers", {foreign}}}.dump();
  add_blob(members, "c", config);
  add_blob(members, "m", manifest);
  members.emplace_back("index.json", json{{"manifests", {named(descriptor("m", manifest), "r.example/x:1")}}}.dump());
  members.emplace_back("oci-layout", "{}");
  CHECK(images_in(contents(members)));
}

TEST_CASE("contents: odd JSON is an error, never a crash", "[images]") {
  for (const char* index : {"", "[]", "3", "{", "{\"manifests\":3}", "{\"manifests\":[]}", "{\"manifests\":[3]}",
                            "{\"manifests\":[{\"digest\":7}]}", "{\"manifests\":[null]}"}) {
    CAPTURE(index);
    CHECK_FALSE(images_in(contents({{"oci-layout", "{}"}, {"index.json", index}})));
    CHECK_FALSE(images_in(contents({{"manifest.json", index}})));
  }
  const auto neither = images_in(contents({{"etc/passwd", "root"}}));
  REQUIRE_FALSE(neither);
  CHECK_THAT(neither.error().what, Catch::Contains("no image archive"));
}

TEST_CASE("contents: an index that holds itself ends", "[images]") {
  const std::string loop = R"({"manifests":[{"digest":"sha256:i"}]})";
  Members members = {{"oci-layout", "{}"}, {"index.json", loop}};
  add_blob(members, "i", loop);
  CHECK_FALSE(images_in(contents(members)));
}

}  // namespace
}  // namespace sublet::launcher
