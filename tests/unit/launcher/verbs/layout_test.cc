// SPDX-License-Identifier: Apache-2.0
#include "launcher/verbs/layout.h"

#include <catch2/catch.hpp>

#include "base/fs.h"

namespace sublet::launcher {
namespace {

void touch(const std::string& path) {
  REQUIRE(fs::make_directories(path.substr(0, path.rfind('/'))));
  REQUIRE(fs::write_file(path, "x", 0755));
}

TEST_CASE("layout: in the build tree, the parts are where the build puts them", "[verbs]") {
  auto dir = fs::ScopedTempDir::create();
  REQUIRE(dir);
  const std::string build = dir->path() + "/build";
  touch(build + "/dev/launcher/oci/sublet-oci");
  const Layout layout = find_layout(build + "/dev/launcher/sublet");
  CHECK(layout.wrapper == build + "/dev/launcher/oci/sublet-oci");
  CHECK(layout.components == build + "/components");
  CHECK(layout.pause_image == build + "/images/pause.tar");
}

TEST_CASE("layout: installed, the parts are below the same prefix", "[verbs]") {
  auto dir = fs::ScopedTempDir::create();
  REQUIRE(dir);
  touch(dir->path() + "/bin/sublet");
  const Layout layout = find_layout(dir->path() + "/bin/sublet");
  CHECK(layout.wrapper == dir->path() + "/libexec/sublet/sublet-oci");
  CHECK(layout.components == dir->path() + "/libexec/sublet");
  CHECK(layout.pause_image == dir->path() + "/share/sublet/images/pause.tar");
}

TEST_CASE("layout: a prefix of /, /usr and one of a user alike", "[verbs]") {
  CHECK(find_layout("/usr/bin/sublet").components == "/usr/libexec/sublet");
  CHECK(find_layout("/bin/sublet").components == "/libexec/sublet");
  CHECK(find_layout("/home/ann/.local/bin/sublet").pause_image == "/home/ann/.local/share/sublet/images/pause.tar");
}

}  // namespace
}  // namespace sublet::launcher
