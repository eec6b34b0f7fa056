// SPDX-License-Identifier: Apache-2.0
// On plain directories, which differ from cgroups only in that files would be in their way.
#include "cgroups/tree.h"

#include <catch2/catch.hpp>

#include "base/fs.h"

namespace sublet::cgroups {
namespace {

constexpr std::chrono::milliseconds kNoPatience{0};

}  // namespace

TEST_CASE("tree: removed bottom-up, and what is gone already is no error", "[cgroups]") {
  const auto base = *fs::ScopedTempDir::create();
  const std::string home = base.path() + "/home";
  REQUIRE(fs::make_directories(home + "/kubepods/burstable/pod1/c"));
  REQUIRE(fs::make_directories(home + "/system"));
  CHECK(remove_cgroups(home, kNoPatience));
  CHECK_FALSE(fs::exists(home));
  CHECK(remove_cgroups(home, kNoPatience));
}

TEST_CASE("tree: what is kept stays, with what is above it", "[cgroups]") {
  const auto base = *fs::ScopedTempDir::create();
  const std::string home = base.path() + "/home";
  REQUIRE(fs::make_directories(home + "/a/system/x"));
  REQUIRE(fs::make_directories(home + "/a/b"));
  REQUIRE(fs::make_directories(home + "/a2"));
  CHECK(remove_cgroups(home, kNoPatience, home + "/a/system"));
  CHECK(children_of(home) == std::vector<std::string>{"a"});
  CHECK(children_of(home + "/a") == std::vector<std::string>{"system"});
  CHECK(children_of(home + "/a/system").empty());
}

TEST_CASE("tree: one that can't go is an error with its name", "[cgroups]") {
  const auto base = *fs::ScopedTempDir::create();
  REQUIRE(fs::make_directories(base.path() + "/home/pod"));
  REQUIRE(fs::write_file(base.path() + "/home/pod/file", ""));
  auto removed = remove_cgroups(base.path() + "/home", kNoPatience);
  REQUIRE_FALSE(removed);
  CHECK(removed.error().what.find("/home/pod") != std::string::npos);
}

TEST_CASE("sweep: takes what nobody holds, of ours alone", "[cgroups]") {
  const auto base = *fs::ScopedTempDir::create();
  for (const char* name : {"sublet-local-dead/system", "sublet-local-alive", "sublet-launcher", "theirs"})
    REQUIRE(fs::make_directories(base.path() + "/" + name));
  const UniqueFd held = *lock_cgroup(base.path() + "/sublet-local-alive", Lock::kShared, kNoPatience);
  CHECK(sweep(base.path()) == std::vector<std::string>{"sublet-local-dead"});
  CHECK_FALSE(fs::exists(base.path() + "/sublet-local-dead"));
  for (const char* name : {"sublet-local-alive", "sublet-launcher", "theirs"})
    CHECK(fs::exists(base.path() + "/" + name));
}

TEST_CASE("lock: two share it, and a third who wants it alone is told so", "[cgroups]") {
  const auto base = *fs::ScopedTempDir::create();
  const UniqueFd one = *lock_cgroup(base.path(), Lock::kShared, kNoPatience);
  const UniqueFd two = *lock_cgroup(base.path(), Lock::kShared, kNoPatience);
  auto alone = lock_cgroup(base.path(), Lock::kExclusive, std::chrono::milliseconds(20));
  REQUIRE_FALSE(alone);
  CHECK(alone.error().is(EWOULDBLOCK));
}

}  // namespace sublet::cgroups
