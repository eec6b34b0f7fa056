// SPDX-License-Identifier: Apache-2.0
// State directories and other users' ids: files that pods left, and a directory that somebody else made.
#include <pwd.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>

#include "base/fs.h"
#include "base/process.h"
#include "base/strings.h"
#include "base/sys.h"
#include "launcher/state/clusters.h"
#include "launcher/state/state_dir.h"

namespace sublet::launcher {
namespace {

constexpr int kTimeoutMs = 20'000;

std::string scratch() {
  const char* parent = std::getenv("TMPDIR");
  return parent != nullptr ? parent : "/tmp";
}

StatePlan plan(const std::string& base, const std::string& name = "x") {
  return {.base = base, .uid = ::getuid(), .id = {.name = name}};
}

// What the helper printed; run to its end.
std::string say(std::vector<std::string> words, unsigned namespaces = 0,
                std::function<Result<void>(pid_t)> maps = nullptr) {
  Command command;
  command.argv = std::move(words);
  command.argv.insert(command.argv.begin(), STATE_HELPER);
  command.namespaces = namespaces;
  command.become_root = maps != nullptr;
  command.when_created = std::move(maps);
  auto output = run(command, kTimeoutMs);
  if (!output) return output.error().what;
  return std::string(trim(output->out)) + output->err;
}

// Only ourselves, as root: all that a user without subordinate ids can have.
Result<void> map_one(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid);
  TRY(fs::write_existing(directory + "/setgroups", "deny"));
  TRY(fs::write_existing(directory + "/uid_map", "0 " + std::to_string(::getuid()) + " 1"));
  return fs::write_existing(directory + "/gid_map", "0 " + std::to_string(::getgid()) + " 1");
}

// The start of our subordinate range; nothing if there is none or newuidmap is missing.
std::optional<std::string> subordinate_start() {
  if (::getuid() == 0) return "100000";
  const passwd* entry = ::getpwuid(::getuid());
  std::ifstream file("/etc/subuid");
  for (std::string line; std::getline(file, line);) {
    const auto parts = split(line, ':');
    if (entry != nullptr && parts.size() == 3 && parts[0] == entry->pw_name && find_program("newuidmap"))
      return parts[1];
  }
  return std::nullopt;
}

Result<void> map_range(pid_t pid) {
  const std::string start = *subordinate_start();
  const std::string process = std::to_string(pid);
  if (::getuid() == 0) {
    TRY(fs::write_existing("/proc/" + process + "/uid_map", "0 0 1\n1 " + start + " 1000"));
    return fs::write_existing("/proc/" + process + "/gid_map", "0 0 1\n1 " + start + " 1000");
  }
  for (const bool users : {true, false}) {
    Command command;
    command.path = *find_program(users ? "newuidmap" : "newgidmap");
    command.argv = {"newidmap", process, "0", std::to_string(users ? ::getuid() : ::getgid()), "1", "1", start, "1000"};
    const Output output = TRY(run(command, kTimeoutMs));
    if (!output.status.success()) return fail(output.err);
  }
  return {};
}

bool have_range() {
  if (subordinate_start()) return true;
  std::puts("skipped: this user has no subordinate ids, or newuidmap is missing");
  return false;
}

bool gone(const std::string& base) { return !fs::exists(user_directory(base, ::getuid())); }

TEST_CASE("state: files of subordinate ids are removed by a process that has those ids", "[state]") {
  if (!have_range()) return;
  const auto base = fs::ScopedTempDir::create(scratch());
  auto state = StateDir::create(plan(base->path()), {});
  REQUIRE(state);
  REQUIRE(say({"make", state->file("lib"), "33"}, CLONE_NEWUSER, map_range) == "made");
  REQUIRE(sys::stat(state->file("lib"))->st_uid != ::getuid());
  const Cleaner cleaner{.write_id_maps = map_range, .command = {STATE_HELPER, "clean-up"}};
  if (::getuid() != 0) {
    auto without = empty_state_directory(state->path(), {});
    REQUIRE_FALSE(without);
    CHECK_THAT(to_string(without.error()), Catch::Contains("files there belong to ids"));
    const Cleaner broken{.write_id_maps = map_one, .command = {STATE_HELPER, "clean-up"}};
    CHECK_FALSE(empty_state_directory(state->path(), broken));
  }
  REQUIRE(std::move(*state).remove(cleaner));
  CHECK(gone(base->path()));
}

TEST_CASE("state: a directory of another user is refused", "[state]") {
  if (!have_range()) return;
  const auto base = fs::ScopedTempDir::create(scratch());
  const std::string mine = user_directory(base->path(), ::getuid());
  REQUIRE(say({"make", mine, "33"}, CLONE_NEWUSER, map_range) == "made");
  const auto state = StateDir::create(plan(base->path()), {});
  REQUIRE_FALSE(state);
  CHECK_THAT(to_string(state.error()), Catch::Contains(mine + " belongs to user id"));
  CHECK(find_clusters({base->path()}, ::getuid()).empty());
  Command clean;
  clean.path = "/bin/rm";
  clean.argv = {"rm", "-rf", mine};
  clean.namespaces = CLONE_NEWUSER;
  clean.when_created = map_range;
  clean.become_root = true;
  CHECK(run(clean, kTimeoutMs)->status.success());
}

}  // namespace
}  // namespace sublet::launcher
