// SPDX-License-Identifier: Apache-2.0
// State directories with real processes, locks, and hostile neighbours.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

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

// A helper process that runs until its input ends; `line` is what it said first.
struct Helper {
  Process process;
  UniqueFd input;
  std::string line;
};

Helper start(std::vector<std::string> words, std::vector<std::pair<int, int>> fds = {}) {
  Command command;
  command.argv = std::move(words);
  command.argv.insert(command.argv.begin(), STATE_HELPER);
  auto [in_read, in_write] = *sys::pipe();
  auto [out_read, out_write] = *sys::pipe();
  command.fds = std::move(fds);
  command.fds.emplace_back(in_read.get(), 0);
  command.fds.emplace_back(out_write.get(), 1);
  command.parent_death_signal = SIGKILL;
  auto process = command.spawn();
  REQUIRE(process);
  out_write.reset();
  std::string line;
  char c = 0;
  while (::read(out_read.get(), &c, 1) == 1 && c != '\n') line += c;
  return {*std::move(process), std::move(in_write), line};
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

bool gone(const std::string& base) { return !fs::exists(user_directory(base, ::getuid())); }

TEST_CASE("state: made private, held, listed, and gone without a trace", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  REQUIRE(base);
  auto state = StateDir::create(plan(base->path()), {});
  REQUIRE(state);
  CHECK(state->path() == user_directory(base->path(), ::getuid()) + "/local-x");
  CHECK_FALSE(state->cleared_stale());
  for (const std::string& directory : {state->path(), user_directory(base->path(), ::getuid())})
    CHECK((sys::stat(directory)->st_mode & 07777) == 0700);
  REQUIRE(state->write_status("{\"phase\":\"ready\"}"));
  CHECK((sys::stat(state->file(kStatusFile))->st_mode & 07777) == 0600);
  const auto clusters = find_clusters({base->path(), "/nowhere", base->path() + "/"}, ::getuid());
  REQUIRE(clusters.size() == 1);
  CHECK(clusters[0].id == ClusterId{.name = "x"});
  CHECK(clusters[0].alive);
  CHECK(clusters[0].holder == ::getpid());
  CHECK(clusters[0].status == "{\"phase\":\"ready\"}");
  REQUIRE(fs::make_directories(state->file("a/b/c")));
  REQUIRE(std::move(*state).remove({}));
  CHECK(gone(base->path()));
}

TEST_CASE("state: two names live side by side, and the first to end leaves the other alone", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  auto one = StateDir::create(plan(base->path(), "one"), {});
  auto two = StateDir::create(plan(base->path(), "two"), {});
  REQUIRE(one);
  REQUIRE(two);
  REQUIRE(std::move(*one).remove({}));
  CHECK(find_clusters({base->path()}, ::getuid()).size() == 1);
  REQUIRE(std::move(*two).remove({}));
  CHECK(gone(base->path()));
}

TEST_CASE("state: a name that is held is refused, with its holder; on another base too", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  const auto other = fs::ScopedTempDir::create(scratch());
  const Helper holder = start({"hold", base->path(), "x"});
  REQUIRE(holder.line == "held");
  StatePlan elsewhere = plan(other->path());
  elsewhere.other_bases = {base->path(), other->path()};
  for (const StatePlan& wanted : {plan(base->path()), elsewhere}) {
    const auto state = StateDir::create(wanted, {});
    REQUIRE_FALSE(state);
    CHECK_THAT(state.error().what, Catch::Contains("name taken: a cluster called \"x\" is running (process " +
                                                   std::to_string(holder.process.pid()) + ")"));
    CHECK_THAT(state.error().hint, Catch::Contains("sublet down --name x"));
  }
  CHECK_FALSE(StateDir::take_stale(user_directory(base->path(), ::getuid()) + "/local-x", ::getuid()));
  REQUIRE(holder.process.signal(SIGKILL));
  REQUIRE(holder.process.wait());
}

TEST_CASE("state: what a killed holder left is seen as stale, and cleared by the next one or by hand", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  for (const bool by_hand : {false, true}) {
    const Helper holder = start({"hold", base->path(), "x"});
    REQUIRE(holder.line == "held");
    REQUIRE(holder.process.signal(SIGKILL));
    REQUIRE(holder.process.wait());
    const auto clusters = find_clusters({base->path()}, ::getuid());
    REQUIRE(clusters.size() == 1);
    CHECK_FALSE(clusters[0].alive);
    CHECK_FALSE(clusters[0].holder);
    auto state =
        by_hand ? StateDir::take_stale(clusters[0].path, ::getuid()) : StateDir::create(plan(base->path()), {});
    REQUIRE(state);
    if (!by_hand) {
      CHECK(state->cleared_stale());
      CHECK_FALSE(fs::exists(state->file("lib")));
    }
    REQUIRE(std::move(*state).remove({}));
    CHECK(gone(base->path()));
  }
}

TEST_CASE("state: processes that race for a name never share it, and none sees another's remains", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  std::vector<Process> racers;
  std::vector<UniqueFd> outputs;
  for (int i = 0; i < 6; ++i) {
    Command command;
    // Four on one name, two that only share the user's directory, which comes and goes.
    command.argv = {STATE_HELPER, "cycle", base->path(), i < 4 ? "same" : "own" + std::to_string(i), "400"};
    auto [out_read, out_write] = *sys::pipe();
    command.fds = {{out_write.get(), 1}};
    auto process = command.spawn();
    REQUIRE(process);
    racers.push_back(*std::move(process));
    outputs.push_back(std::move(out_read));
  }
  for (std::size_t i = 0; i < racers.size(); ++i) {
    CHECK(racers[i].wait()->success());
    const std::string said = fs::read_fd(outputs[i].get()).value_or("?");
    CHECK_THAT(said, Catch::StartsWith("done"));
    if (i >= 4) CHECK(said == "done, taken 0\n");
  }
  CHECK(gone(base->path()));
}

TEST_CASE("state: the lock goes on in the process that it is passed to", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  auto state = StateDir::create(plan(base->path()), {});
  REQUIRE(state);
  const std::string path = state->path();
  constexpr int kPassed = 7;
  std::optional<Helper> heir = start({"adopt", path, std::to_string(kPassed)}, {{state->lock_fd(), kPassed}});
  CHECK(heir->line == "adopted");
  { const StateDir let_go = *std::move(state); }
  auto clusters = find_clusters({base->path()}, ::getuid());
  REQUIRE(clusters.size() == 1);
  CHECK(clusters[0].alive);
  CHECK(clusters[0].holder == heir->process.pid());
  heir->input.reset();
  REQUIRE(heir->process.wait());
  auto stale = StateDir::take_stale(path, ::getuid());
  REQUIRE(stale);
  REQUIRE(std::move(*stale).remove({}));
}

TEST_CASE("state: a directory that was made beforehand to catch us is refused and left alone", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  const auto trap = fs::ScopedTempDir::create(scratch());
  const std::string mine = user_directory(base->path(), ::getuid());
  REQUIRE(fs::write_file(trap->path() + "/precious", "x"));
  const auto refusal = [&] {
    const auto state = StateDir::create(plan(base->path()), {});
    REQUIRE_FALSE(state);
    CHECK(find_clusters({base->path()}, ::getuid()).empty());
    return to_string(state.error());
  };
  SECTION("the user's directory is a link") {
    REQUIRE(sys::symlink(trap->path(), mine));
    CHECK_THAT(refusal(), Catch::Contains(mine + " is a symbolic link"));
  }
  SECTION("the cluster's directory is a link") {
    REQUIRE(sys::mkdir(mine, 0700));
    REQUIRE(sys::symlink(trap->path(), mine + "/local-x"));
    CHECK_THAT(refusal(), Catch::Contains(mine + "/local-x is a symbolic link"));
  }
  SECTION("it is a file") {
    REQUIRE(fs::write_file(mine, "x"));
    CHECK_THAT(refusal(), Catch::Contains("is not a directory"));
  }
  SECTION("others may enter it") {
    REQUIRE(sys::mkdir(mine, 0700));
    REQUIRE(sys::chmod(mine, 0777));
    CHECK_THAT(refusal(), Catch::Contains("may be entered by others") && Catch::Contains("chmod 0700 " + mine));
  }
  SECTION("the lock is a link") {
    REQUIRE(fs::make_directories(mine + "/local-x", 0700));
    REQUIRE(sys::symlink(trap->path() + "/precious", mine + "/local-x/lock"));
    const auto state = StateDir::create(plan(base->path()), {});
    REQUIRE_FALSE(state);
    CHECK_THAT(state.error().what, Catch::Contains("/lock"));
  }
  SECTION("the base lets others swap what is in it") {
    REQUIRE(sys::chmod(base->path(), 0777));
    CHECK_THAT(refusal(), Catch::Contains("not sticky"));
    REQUIRE(sys::chmod(base->path(), 01777));
    CHECK(StateDir::create(plan(base->path()), {}));
  }
  CHECK(fs::read_file(trap->path() + "/precious").value_or("gone") == "x");
}

TEST_CASE("state: links that a pod left are removed, never followed", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  const auto trap = fs::ScopedTempDir::create(scratch());
  REQUIRE(fs::write_file(trap->path() + "/precious", "x"));
  auto state = StateDir::create(plan(base->path()), {});
  REQUIRE(state);
  REQUIRE(fs::make_directories(state->file("lib")));
  REQUIRE(sys::symlink(trap->path(), state->file("lib/link")));
  REQUIRE(sys::symlink("/", state->file("root")));
  REQUIRE(std::move(*state).remove({}));
  CHECK(gone(base->path()));
  CHECK(fs::exists(trap->path() + "/precious"));
}

TEST_CASE("state: a path too long and a base that is missing say what to do", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  const std::string deep = base->path() + "/" + std::string(80, 'd');
  REQUIRE(sys::mkdir(deep, 0700));
  const auto long_one = StateDir::create(plan(deep), {});
  REQUIRE_FALSE(long_one);
  CHECK_THAT(long_one.error().what, Catch::Contains("bytes long"));
  const auto missing = StateDir::create(plan(base->path() + "/none"), {});
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().what, Catch::Contains(base->path() + "/none"));
  CHECK_FALSE(StateDir::create(plan("relative"), {}));
}

TEST_CASE("state: a full file system is said to be full", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  const std::string said = say({"full", base->path()}, CLONE_NEWUSER | CLONE_NEWNS, map_one);
  CHECK_THAT(said, Catch::Contains("No space left on device") && Catch::Contains("is full (space, inodes or quota)"));
}

TEST_CASE("state: what is still mounted inside is neither entered nor passed over in silence", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  const std::string said = say({"mounted", base->path()}, CLONE_NEWUSER | CLONE_NEWNS, map_one);
  CHECK_THAT(said, Catch::Contains("still mounted") && Catch::Contains("findmnt"));
}

TEST_CASE("state: clean-up touches nothing but a state directory", "[state]") {
  const auto base = fs::ScopedTempDir::create(scratch());
  REQUIRE(fs::make_directories(base->path() + "/sublet-1/local-x/kept"));
  for (const std::string& wrong :
       {base->path(), base->path() + "/sublet-1/local-x", std::string("relative/sublet-1/x")})
    CHECK_THAT(say({"clean-up", wrong}), Catch::Contains("is not a state directory"));
  CHECK(fs::exists(base->path() + "/sublet-1/local-x/kept"));
  REQUIRE(fs::write_file(base->path() + "/sublet-1/local-x/lock", ""));
  CHECK(say({"clean-up", base->path() + "/sublet-1/local-x"}).empty());
  CHECK_FALSE(fs::exists(base->path() + "/sublet-1/local-x/kept"));
}

}  // namespace
}  // namespace sublet::launcher
