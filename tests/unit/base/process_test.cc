// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>

#include "base/fs.h"
#include "base/strings.h"
#include "base/sys.h"

using namespace sublet;

namespace {

constexpr int kLongMs = 10000;

Command shell(const std::string& text) {
  Command command;
  command.argv = {"/bin/bash", "-c", text};
  return command;
}
Output run_shell(const std::string& text) { return take(run(shell(text), kLongMs)); }

}  // namespace

TEST_CASE("run: gives output, errors and status", "[base]") {
  Output output = run_shell("echo out; echo err >&2; exit 3");
  CHECK(output.out == "out\n");
  CHECK(output.err == "err\n");
  CHECK(output.status.value == 3);
  CHECK(output.status.describe() == "exit status 3");
}

TEST_CASE("run: takes more than a pipe holds on both streams", "[base]") {
  Output output = run_shell("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2");
  CHECK(output.out.size() == 300000);
  CHECK(output.err.size() == 300000);
}

TEST_CASE("run: kills at the deadline", "[base]") {
  auto began = std::chrono::steady_clock::now();
  auto result = run(shell("exec sleep 30"), 200);
  CHECK_THAT(result.error().what, Catch::Contains("no end within the time allowed"));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
}

TEST_CASE("run: ends as soon as it is cancelled", "[base]") {
  auto [read_end, write_end] = take(sys::pipe());
  auto began = std::chrono::steady_clock::now();
  write_end.reset();  // its end is readable, too
  auto result = run(shell("exec sleep 30"), kLongMs, read_end.get());
  REQUIRE(!result);
  CHECK_THAT(result.error().what, Catch::Contains("cancelled"));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
}

TEST_CASE("fds: what we were started with is for those children only that are to have it", "[base]") {
  auto [read_end, write_end] = take(sys::pipe());
  (void)::fcntl(read_end.get(), F_SETFD, 0);
  const auto inherited = take(keep_inherited_fds());
  CHECK(std::ranges::find(inherited, read_end.get()) != inherited.end());
  CHECK(std::ranges::find(inherited, write_end.get()) == inherited.end());
  const std::string look = "test -e /proc/self/fd/" + std::to_string(read_end.get());
  CHECK_FALSE(run_shell(look).status.success());
  Command command = shell(look);
  command.fds.emplace_back(read_end.get(), read_end.get());
  CHECK(take(run(std::move(command), kLongMs)).status.success());
}

TEST_CASE("spawn: a program that is not there is an error of spawn itself", "[base]") {
  Command command;
  command.argv = {"/nowhere/program"};
  auto result = command.spawn();
  REQUIRE(!result);
  CHECK(result.error().is(ENOENT));
  CHECK_THAT(result.error().what, Catch::Contains("/nowhere/program: exec"));
  CHECK(Command{}.spawn().error().what == "a command without words");
}

TEST_CASE("ExitStatus: a signal reads as a shell gives it", "[base]") {
  Process process = take(shell("kill -9 $$").spawn());
  ExitStatus status = take(process.wait());
  CHECK(status.signalled);
  CHECK(status.shell_status() == 137);
  CHECK(status.describe() == "killed by signal 9 (Killed)");
  CHECK_FALSE(status.success());
}

TEST_CASE("Process: signal, wait_for and try_wait", "[base]") {
  Command command = shell("exec sleep 30");
  Process process = take(command.spawn());
  CHECK_FALSE(take(process.try_wait()).has_value());
  CHECK_FALSE(take(process.wait_for(50)).has_value());
  REQUIRE(process.signal(SIGTERM));
  auto status = take(process.wait_for(kLongMs));
  REQUIRE(status.has_value());
  CHECK(status->value == SIGTERM);
  CHECK(process.signal(SIGTERM));  // ended already: no error
}

TEST_CASE("Command: environment, directory and descriptors are those given", "[base]") {
  auto dir = take(fs::ScopedTempDir::create());
  UniqueFd file = take(sys::open(dir.path() + "/out", O_WRONLY | O_CREAT, 0600));
  Command command = shell("pwd >&99; echo \"$A-$HOME\" >&99; test -e /proc/self/fd/" + std::to_string(file.get()) +
                          " || echo closed >&99");
  command.env = {"A=1", "PATH=/usr/bin:/bin"};
  command.cwd = dir.path();
  command.fds = {{file.get(), 99}};
  CHECK(take(take(command.spawn()).wait()).success());
  auto text = lines(take(fs::read_file(dir.path() + "/out")));
  REQUIRE(text.size() == 3);
  CHECK(text[0] == dir.path());
  CHECK(text[1] == "1-");
  CHECK(text[2] == "closed");  // our own descriptor is close-on-exec
}

TEST_CASE("Command: descriptors may swap places", "[base]") {
  auto [read_a, write_a] = take(sys::pipe());
  auto [read_b, write_b] = take(sys::pipe());
  Command command =
      shell("printf a >&" + std::to_string(write_b.get()) + "; printf b >&" + std::to_string(write_a.get()));
  command.fds = {{write_a.get(), write_b.get()}, {write_b.get(), write_a.get()}};
  Process process = take(command.spawn());
  write_a.reset();
  write_b.reset();
  CHECK(take(fs::read_fd(read_a.get())) == "a");
  CHECK(take(fs::read_fd(read_b.get())) == "b");
  CHECK(take(process.wait()).success());
}

TEST_CASE("Command: signals are reset and unblocked in the child", "[base]") {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  REQUIRE(::sigaction(SIGUSR1, &ignore, &before) == 0);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGUSR2);
  REQUIRE(::sigprocmask(SIG_BLOCK, &set, nullptr) == 0);
  Output output = run_shell("grep -E '^Sig(Blk|Ign)' /proc/self/status");
  REQUIRE(::sigprocmask(SIG_UNBLOCK, &set, nullptr) == 0);
  REQUIRE(::sigaction(SIGUSR1, &before, nullptr) == 0);
  CHECK(output.out == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("Command: dies with its parent where asked", "[base]") {
  Command command = shell("exec sleep 30");
  command.parent_death_signal = SIGKILL;
  Process child = take(command.spawn());
  auto status = take(fs::read_file("/proc/" + std::to_string(child.pid()) + "/status"));
  CHECK_THAT(status, Catch::Contains("PPid:\t" + std::to_string(::getpid())));
  REQUIRE(child.signal(SIGKILL));
  (void)take(child.wait());
}

TEST_CASE("Command: runs in its namespaces as their root once its maps are written", "[base]") {
  Command command = shell("id -u; echo $$");
  command.namespaces = CLONE_NEWUSER | CLONE_NEWPID;
  command.become_root = true;
  command.when_created = [](pid_t pid) -> Result<void> {
    const std::string proc = "/proc/" + std::to_string(pid);
    TRY(fs::write_existing(proc + "/setgroups", "deny"));
    TRY(fs::write_existing(proc + "/gid_map", "0 " + std::to_string(::getgid()) + " 1"));
    return fs::write_existing(proc + "/uid_map", "0 " + std::to_string(::getuid()) + " 1");
  };
  auto output = run(command, kLongMs);
  if (!output && (output.error().is(EPERM) || output.error().is(ENOSPC))) {
    WARN("skipped: no user namespaces here: " << output.error().what);
    return;
  }
  CHECK(take(std::move(output)).out == "0\n1\n");
}

TEST_CASE("Command: an error of when_created ends the child", "[base]") {
  pid_t seen = 0;
  Command command = shell("exec sleep 30");
  command.when_created = [&seen](pid_t pid) -> Result<void> {
    seen = pid;
    return fail("no");
  };
  CHECK(command.spawn().error().what == "no");
  CHECK(::kill(seen, 0) != 0);
  CHECK(errno == ESRCH);
}

TEST_CASE("find_program: by PATH, then in the usual places", "[base]") {
  CHECK(find_program("sh").has_value());
  CHECK_FALSE(find_program("no-such-program-at-all").has_value());
  CHECK_THAT(take(own_executable()), Catch::Contains("unit_base"));
}
