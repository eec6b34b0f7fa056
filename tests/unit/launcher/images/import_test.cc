// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/import.h"

#include <catch2/catch.hpp>

#include "launcher/images/reference.h"

namespace sublet::launcher {
namespace {

TEST_CASE("reference: full names as containerd makes them", "[images]") {
  struct Row {
    const char* name;
    const char* full;
  };
  for (const Row row : {Row{"redis", "docker.io/library/redis:latest"}, Row{"redis:7", "docker.io/library/redis:7"},
                        Row{"a/b", "docker.io/a/b:latest"}, Row{"localhost/x:1", "localhost/x:1"},
                        Row{"r.example/x", "r.example/x:latest"}, Row{"host:5000/x", "host:5000/x:latest"},
                        Row{"r.example/a/b/c:2", "r.example/a/b/c:2"},
                        Row{"redis@sha256:abc", "docker.io/library/redis@sha256:abc"}, Row{"", ""}})
    CHECK(full_reference(row.name) == row.full);
}

TEST_CASE("import: only what a pod can ask for, and what runs here", "[images]") {
  struct Row {
    ImageInfo image;
    std::string refusal;
  };
  for (const Row& row : {Row{{.name = "docker.io/library/x:1", .platforms = {"linux/amd64"}}, ""},
                         Row{{.name = "r.example/x:1", .platforms = {"linux/arm64/v8", "linux/amd64/v2"}}, ""},
                         Row{{.name = "r.example/x:1", .platforms = {}}, ""},
                         Row{{.name = "", .platforms = {"linux/amd64"}}, "names its image not at all"},
                         Row{{.name = "latest", .platforms = {"linux/amd64"}}, "names its image \"latest\""},
                         Row{{.name = "r.example/x", .platforms = {"linux/amd64"}}, "names its image \"r.example/x\""},
                         Row{{.name = "r.example/x:1", .platforms = {"linux/arm64"}}, "is for linux/arm64"}}) {
    const auto checked = check_importable("/x.tar", {row.image}, "linux/amd64");
    CAPTURE(row.image.name);
    CHECK(checked.has_value() == row.refusal.empty());
    if (!checked)
      CHECK_THAT(checked.error().what, Catch::StartsWith("image archive /x.tar: ") && Catch::Contains(row.refusal));
  }
  const auto unnamed = check_importable("/x.tar", {{.name = "redis:7"}}, "linux/amd64");
  CHECK_THAT(unnamed.error().hint, Catch::Contains("docker.io/library/redis:7"));
}

TEST_CASE("import: ctr gets its words after the given ones; what it says on failure is told", "[images]") {
  Command ctr;
  ctr.path = "/bin/sh";
  ctr.argv = {"sh", "-c", "test \"$*\" = \"$EXPECTED\" || { echo one >&2; echo \"got $*\" >&2; exit 3; }", "ctr"};
  const std::string words =
      "--namespace k8s.io images import --no-unpack --label io.cri-containerd.pinned=pinned /x.tar";
  ctr.env = {"EXPECTED=" + words};
  CHECK(import_archive("/x.tar", {.ctr = ctr}));
  const auto failed = import_archive("/y.tar", {.ctr = ctr});
  REQUIRE_FALSE(failed);
  CHECK_THAT(failed.error().what, Catch::StartsWith("importing /y.tar: ctr: one; got --namespace k8s.io"));
}

}  // namespace
}  // namespace sublet::launcher
