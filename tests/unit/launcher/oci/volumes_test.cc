// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/volumes.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/sys.h"

using namespace sublet;
using namespace sublet::launcher;

TEST_CASE("volumes: only directories right below the provisioner's", "[oci]") {
  const auto spec = nlohmann::json::parse(R"({"mounts": [
    {"destination": "/data", "source": "/tmp/hostpath_pv/0e5c"},
    {"destination": "/a", "source": "/tmp/hostpath_pv/"}, {"destination": "/b", "source": "/tmp/hostpath_pv/.."},
    {"destination": "/c", "source": "/tmp/hostpath_pv/x/../../../etc"}, {"destination": "/d", "source": "/home/ada"},
    {"destination": "/e", "source": 7}, {"destination": "/f"}, "nonsense"]})");
  CHECK(volumes_of(spec) == std::vector<std::string>{"/tmp/hostpath_pv/0e5c"});
  CHECK(volumes_of(nlohmann::json::array()).empty());
  CHECK(volumes_of({{"mounts", "none"}}).empty());
}

TEST_CASE("volumes: opened once, and only directories", "[oci]") {
  auto scratch = fs::ScopedTempDir::create();
  REQUIRE(scratch);
  const std::string volume = scratch->path() + "/v";
  auto mode = [&] { return sys::stat(volume)->st_mode & 07777; };
  REQUIRE(sys::mkdir(volume, 0750));
  REQUIRE(open_volume(volume));
  CHECK(mode() == 0777);
  // What a pod has set since is its own business.
  REQUIRE(sys::chmod(volume, 0700));
  REQUIRE(open_volume(volume));
  CHECK(mode() == 0700);
  // A link must not lead us elsewhere.
  REQUIRE(sys::chmod(volume, 0750));
  REQUIRE(sys::symlink(volume, scratch->path() + "/link"));
  REQUIRE(open_volume(scratch->path() + "/link"));
  CHECK(mode() == 0750);
  CHECK(open_volume(scratch->path() + "/gone"));
}
