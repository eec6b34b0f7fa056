// SPDX-License-Identifier: Apache-2.0
#include "base/sys.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>

#include "base/fs.h"

using namespace sublet;

namespace {
bool close_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }
}  // namespace

TEST_CASE("sys: every descriptor is close-on-exec", "[base]") {
  CHECK(close_on_exec(take(sys::open("/dev/null", O_RDONLY)).get()));
  auto [a, b] = take(sys::pipe());
  CHECK((close_on_exec(a.get()) && close_on_exec(b.get())));
  auto [c, d] = take(sys::socketpair(SOCK_STREAM));
  CHECK((close_on_exec(c.get()) && close_on_exec(d.get())));
  CHECK(close_on_exec(take(sys::dup(a.get())).get()));
  CHECK(close_on_exec(take(sys::socket(AF_UNIX, SOCK_STREAM)).get()));
  CHECK(close_on_exec(take(sys::pidfd_open(::getpid())).get()));
  REQUIRE(sys::set_inheritable(a.get()));
  CHECK_FALSE(close_on_exec(a.get()));
}

TEST_CASE("sys: an error names the call's object", "[base]") {
  CHECK(sys::open("/nowhere/file", O_RDONLY).error().what == "open /nowhere/file: No such file or directory");
  CHECK_THAT(sys::rename("/nowhere/a", "/nowhere/b").error().what,
             Catch::StartsWith("rename /nowhere/a to /nowhere/b"));
  CHECK_THAT(sys::umount("/nowhere", 0).error().what, Catch::StartsWith("unmount /nowhere"));
}

TEST_CASE("sealed_memfd: can be read from its start and changed by nobody", "[base]") {
  UniqueFd fd = take(sys::sealed_memfd("test", "contents"));
  CHECK(take(fs::read_fd(fd.get())) == "contents");
  CHECK(sys::write_all(fd.get(), "x").error().is(EPERM));
  CHECK(::ftruncate(fd.get(), 0) != 0);
}

TEST_CASE("set_nonblocking: there and back", "[base]") {
  auto [read_end, write_end] = take(sys::pipe());
  REQUIRE(sys::set_nonblocking(read_end.get(), true));
  std::array<std::byte, 1> buffer{};
  CHECK(sys::read(read_end.get(), buffer).error().is(EAGAIN));
  REQUIRE(sys::set_nonblocking(read_end.get(), false));
  CHECK((::fcntl(read_end.get(), F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("pidfd_send_signal: who is gone is no error", "[base]") {
  pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  UniqueFd pidfd = take(sys::pidfd_open(child));
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK(sys::pidfd_send_signal(pidfd.get(), SIGTERM));
}
