// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/state_dirs.h"
#include "launcher/facts/scratch.h"

#include <catch2/catch.hpp>

#include "base/fs.h"
#include "base/sys.h"

namespace sublet::launcher {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

StateCandidate candidate(const std::string& origin, std::uint64_t gib, bool memory = false, bool ok = true) {
  return {origin, origin, 0, gib * kGiB, memory, {ok, ok ? "" : "no"}};
}

GetEnv tmpdir(const std::string& value) {
  return [value](const std::string& name) -> std::optional<std::string> {
    return name == "TMPDIR" ? std::optional(value) : std::nullopt;
  };
}

}  // namespace

TEST_CASE("state: which directory is taken", "[facts]") {
  struct Row {
    const char* what;
    std::vector<StateCandidate> candidates;
    const char* expected;  // null: none
  };
  const std::vector<Row> rows = {
      {"configured", {candidate("state.dir", 1), candidate("TMPDIR", 99)}, "state.dir"},
      {"configured and unusable: no other",
       {candidate("state.dir", 9, false, false), candidate("TMPDIR", 99)},
       nullptr},
      {"TMPDIR", {candidate("TMPDIR", 1), candidate("/dev/shm", 9, true), candidate("/tmp", 99)}, "TMPDIR"},
      {"TMPDIR unusable",
       {candidate("TMPDIR", 9, false, false), candidate("/dev/shm", 99, true), candidate("/tmp", 3)},
       "/tmp"},
      {"a small disk, much memory", {candidate("/dev/shm", 9, true), candidate("/tmp", 1)}, "/dev/shm"},
      {"little of both", {candidate("/dev/shm", 1, true), candidate("/tmp", 1)}, "/dev/shm"},
      {"nothing", {candidate("/dev/shm", 9, true, false), candidate("/tmp", 9, false, false)}, nullptr},
      {"no candidates", {}, nullptr},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const StateCandidate* chosen = choose_state(row.candidates);
    CHECK((chosen == nullptr) == (row.expected == nullptr));
    if (chosen != nullptr && row.expected != nullptr) CHECK(chosen->origin == row.expected);
  }
}

TEST_CASE("state: candidates in order, each directory once", "[facts]") {
  auto found = find_state_candidates("", tmpdir("/tmp/"));
  REQUIRE(found.size() == 2);
  CHECK(found[0].path == "/tmp");
  CHECK(found[0].origin == "TMPDIR");
  CHECK(found[1].path == "/dev/shm");
}

TEST_CASE("state: a usable directory is left as it was", "[facts]") {
  auto directory = fs::ScopedTempDir::create();
  REQUIRE(directory);
  auto found = find_state_candidates(directory->path(), tmpdir(""));
  REQUIRE_FALSE(found.empty());
  CHECK(found[0].origin == "state.dir");
  INFO(found[0].usable.reason);
  CHECK(found[0].usable.ok);
  CHECK(found[0].free_bytes > 0);
  CHECK(found[0].fs_magic != 0);
  CHECK(::rmdir(directory->path().c_str()) == 0);  // empty
  REQUIRE(fs::make_directories(directory->path()));
}

TEST_CASE("state: a configured directory may be missing yet", "[facts]") {
  auto directory = fs::ScopedTempDir::create();
  REQUIRE(directory);
  auto found = find_state_candidates(directory->path() + "/a/b", tmpdir(""));
  CHECK(found[0].usable.ok);
  CHECK_FALSE(fs::exists(directory->path() + "/a"));
}

TEST_CASE("state: why a directory will not do", "[facts]") {
  auto directory = fs::ScopedTempDir::create();
  REQUIRE(directory);
  std::string file = directory->path() + "/file";
  REQUIRE(fs::write_file(file, "x"));
  CHECK(find_state_candidates("relative/path", tmpdir(""))[0].usable.reason == "not an absolute path");
  CHECK(find_state_candidates(file, tmpdir(""))[0].usable.reason == file + " is not a directory");
  auto missing = find_state_candidates("", tmpdir("/nonexistent/x"))[0];
  CHECK(missing.origin == "TMPDIR");
  CHECK(missing.usable.reason == "stat /nonexistent/x: No such file or directory");
  // No directory can be made in procfs, whoever asks.
  auto proc = find_state_candidates("", tmpdir("/proc"))[0];
  CHECK_FALSE(proc.usable.ok);
  // Whose permissions are no obstacle (root) is told by another call.
  CHECK_THAT(proc.usable.reason, Catch::StartsWith("open /proc: ") || Catch::StartsWith("mkdtemp /proc/"));
}

TEST_CASE("state: no name shows while a directory is tried", "[facts]") {
  auto directory = fs::ScopedTempDir::create();
  REQUIRE(directory);
  auto changed = [&] { return sys::stat(directory->path())->st_mtim; };
  const struct timespec before = changed();
  CHECK(find_state_candidates(directory->path(), tmpdir(""))[0].usable.ok);
  CHECK(changed().tv_nsec == before.tv_nsec);
  CHECK(changed().tv_sec == before.tv_sec);
}

TEST_CASE("scratch: what a killed one left goes with the next, what is in use stays", "[facts]") {
  auto parent = fs::ScopedTempDir::create();
  REQUIRE(parent);
  const std::string left = parent->path() + "/.sublet-probe-killed";
  REQUIRE(fs::make_directories(left + "/work"));
  REQUIRE(sys::chmod(left + "/work", 0));  // as overlayfs leaves it
  REQUIRE(fs::make_directories(parent->path() + "/other"));
  std::string path;
  {
    auto first = Scratch::create(parent->path());
    REQUIRE(first);
    path = first->path();
    CHECK_FALSE(fs::exists(left));
    auto second = Scratch::create(parent->path());
    REQUIRE(second);
    CHECK(fs::exists(path));
    CHECK(second->path() != path);
  }
  CHECK_FALSE(fs::exists(path));
  CHECK(fs::exists(parent->path() + "/other"));
}

}  // namespace sublet::launcher
