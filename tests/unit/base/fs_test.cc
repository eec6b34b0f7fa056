// SPDX-License-Identifier: Apache-2.0
#include "base/fs.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "base/sys.h"

using namespace sublet;

namespace {

fs::ScopedTempDir temp() { return take(fs::ScopedTempDir::create()); }
unsigned mode_of(const std::string& path) { return sys::stat(path).value().st_mode & 07777U; }

}  // namespace

TEST_CASE("write_file: replaces the whole file, with the mode asked for", "[base]") {
  auto dir = temp();
  const std::string path = dir.path() + "/file";
  REQUIRE(fs::write_file(path, "first", 0644));
  REQUIRE(fs::write_file(path, "2", 0600));
  CHECK(fs::read_file(path).value() == "2");
  CHECK(mode_of(path) == 0600);
}

TEST_CASE("write_file: leaves no temporary file where it fails", "[base]") {
  auto dir = temp();
  const std::string path = dir.path() + "/taken";
  REQUIRE(sys::mkdir(path, 0700));
  REQUIRE(sys::mkdir(path + "/inside", 0700));
  auto result = fs::write_file(path, "text");
  REQUIRE(!result);
  CHECK_THAT(result.error().what, Catch::StartsWith("writing " + path));
  REQUIRE(fs::remove_tree(path));
  CHECK(sys::rmdir(dir.path()));  // empty
  REQUIRE(sys::mkdir(dir.path(), 0700));
}

TEST_CASE("read_file: a longer file than the limit is an error", "[base]") {
  auto dir = temp();
  const std::string path = dir.path() + "/file";
  REQUIRE(fs::write_file(path, std::string(100, 'x')));
  CHECK(fs::read_file(path, 100).value().size() == 100);
  CHECK_THAT(fs::read_file(path, 99).error().what, Catch::Contains(path) && Catch::Contains("longer than 99"));
  CHECK(fs::read_file(dir.path() + "/none").error().is(ENOENT));
}

TEST_CASE("read_tail: the end of a long file, the whole of a short one", "[base]") {
  auto dir = temp();
  const std::string path = dir.path() + "/log";
  REQUIRE(fs::write_file(path, "0123456789"));
  CHECK(fs::read_tail(path, 3).value() == "789");
  CHECK(fs::read_tail(path, 10).value() == "0123456789");
  CHECK(fs::read_tail(path, 99).value() == "0123456789");
}

TEST_CASE("make_directories: makes what is missing and takes what is there", "[base]") {
  auto dir = temp();
  const std::string path = dir.path() + "/a/b/c";
  REQUIRE(fs::make_directories(path, 0700));
  REQUIRE(fs::make_directories(path, 0700));
  CHECK(mode_of(dir.path() + "/a") == 0700);
  REQUIRE(fs::write_file(dir.path() + "/file", ""));
  CHECK_FALSE(fs::make_directories(dir.path() + "/file/below"));
  // What exists on a read-only file system is there as well.
  CHECK(fs::make_directories("/proc/self"));
}

TEST_CASE("remove_tree: everything below, closed directories too, no link followed", "[base]") {
  auto dir = temp();
  const std::string tree = dir.path() + "/tree";
  REQUIRE(fs::make_directories(tree + "/closed/deep"));
  REQUIRE(fs::write_file(tree + "/closed/deep/file", "x"));
  REQUIRE(fs::write_file(dir.path() + "/kept", "x"));
  REQUIRE(sys::symlink(dir.path(), tree + "/link"));
  REQUIRE(sys::chmod(tree + "/closed/deep", 0000));
  REQUIRE(sys::chmod(tree + "/closed", 0500));
  REQUIRE(fs::remove_tree(tree));
  CHECK_FALSE(fs::exists(tree));
  CHECK(fs::exists(dir.path() + "/kept"));
  CHECK(fs::remove_tree(tree));  // gone already
}

TEST_CASE("exists: sees a dangling link", "[base]") {
  auto dir = temp();
  REQUIRE(sys::symlink("/nowhere/at/all", dir.path() + "/link"));
  CHECK(fs::exists(dir.path() + "/link"));
  CHECK_FALSE(fs::exists(dir.path() + "/other"));
}

TEST_CASE("write_existing: does not create", "[base]") {
  auto dir = temp();
  CHECK(fs::write_existing(dir.path() + "/none", "x").error().is(ENOENT));
  REQUIRE(fs::write_file(dir.path() + "/file", ""));
  REQUIRE(fs::write_existing(dir.path() + "/file", "x"));
  CHECK(fs::read_file(dir.path() + "/file").value() == "x");
}

TEST_CASE("magic and space: of a file system that is known", "[base]") {
  constexpr std::int64_t kProcMagic = 0x9fa0;  // statfs(2)
  CHECK(fs::magic("/proc").value() == kProcMagic);
  CHECK(fs::space("/").value().total_bytes > 0);
  CHECK_FALSE(fs::magic("/nowhere/at/all"));
}

TEST_CASE("ScopedTempDir: closed to others, and gone with the object", "[base]") {
  std::string path;
  {
    auto dir = temp();
    path = dir.path();
    CHECK(mode_of(path) == 0700);
    REQUIRE(fs::write_file(path + "/file", "x"));
    auto moved = std::move(dir);
    CHECK(moved.path() == path);
  }
  CHECK_FALSE(fs::exists(path));
}
