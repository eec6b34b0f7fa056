// SPDX-License-Identifier: Apache-2.0
// Where else a socket is in its process, looked for in a process of our own making: this one.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "bypass/swap.h"

using namespace sublet;
using namespace sublet::bypass;

namespace {

struct Socket {
  UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  [[nodiscard]] ino_t inode() const {
    struct stat status {};
    REQUIRE(::fstat(fd.get(), &status) == 0);
    return status.st_ino;
  }
};

// The numbers, each with a + behind it if it is closed by exec.
std::vector<std::string> copies(DescriptorScan& scan, pid_t thread, const Socket& socket) {
  std::vector<std::string> found;
  for (const auto& copy : scan.find(thread, socket.fd.get(), socket.inode()).copies)
    found.push_back(std::to_string(copy.number) + (copy.cloexec ? "+" : ""));
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> expected(std::vector<std::string> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

TEST_CASE("descriptor scan: sees what became of a number that it has seen", "[bypass]") {
  DescriptorScan scan;
  const Socket socket;
  const UniqueFd other(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::string own = std::to_string(socket.fd.get()) + "+";
  const std::string place = std::to_string(other.get());
  for (int i = 0; i < 2; ++i) CHECK(copies(scan, ::getpid(), socket) == expected({own}));

  REQUIRE(::dup2(socket.fd.get(), other.get()) == other.get());  // as many as before, of the same numbers
  CHECK(copies(scan, ::getpid(), socket) == expected({own, place}));
  REQUIRE(::fcntl(other.get(), F_SETFD, FD_CLOEXEC) == 0);
  CHECK(copies(scan, ::getpid(), socket) == expected({own, place + "+"}));

  UniqueFd another(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  (void)copies(scan, ::getpid(), socket);
  const int high = another.get() + 20;
  REQUIRE(::fcntl(socket.fd.get(), F_DUPFD, high) == high);  // as many as before, of other numbers
  another.reset();
  CHECK(copies(scan, ::getpid(), socket) == expected({own, place + "+", std::to_string(high)}));
  REQUIRE(::close(high) == 0);
  CHECK(copies(scan, ::getpid(), socket) == expected({own, place + "+"}));
}

TEST_CASE("descriptor scan: sees an epoll set where something else was", "[bypass]") {
  DescriptorScan scan;
  const Socket socket;
  const UniqueFd place(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(scan.find(::getpid(), socket.fd.get(), socket.inode()).registrations.empty());
  {
    const UniqueFd set(::epoll_create1(EPOLL_CLOEXEC));
    REQUIRE(::dup2(set.get(), place.get()) == place.get());
  }
  epoll_event event{};
  event.events = EPOLLIN;
  constexpr std::uint64_t kData = 4711;
  event.data.u64 = kData;
  REQUIRE(::epoll_ctl(place.get(), EPOLL_CTL_ADD, socket.fd.get(), &event) == 0);
  const auto found = scan.find(::getpid(), socket.fd.get(), socket.inode()).registrations;
  REQUIRE(found.size() == 1);
  CHECK(found[0].epoll == place.get());
  CHECK(found[0].number == socket.fd.get());
  CHECK(found[0].data == kData);
}

TEST_CASE("descriptor scan: a socket that is new is found in a table that is known", "[bypass]") {
  DescriptorScan scan;
  const Socket first;
  (void)copies(scan, ::getpid(), first);
  const Socket second;
  const int copy = ::dup(second.fd.get());
  CHECK(copies(scan, ::getpid(), second) == expected({std::to_string(second.fd.get()) + "+", std::to_string(copy)}));
  REQUIRE(::close(copy) == 0);
}

TEST_CASE("descriptor scan: each process has its own", "[bypass]") {
  DescriptorScan scan;
  const Socket socket;
  const UniqueFd place(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::string own = std::to_string(socket.fd.get()) + "+";
  CHECK(copies(scan, ::getpid(), socket) == expected({own}));
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::dup2(socket.fd.get(), place.get());
    (void)!::write(pipe[1], "x", 1);
    for (;;) ::pause();
  }
  char byte;
  REQUIRE(::read(pipe[0], &byte, 1) == 1);
  CHECK(copies(scan, child, socket) == expected({own, std::to_string(place.get())}));
  CHECK(copies(scan, ::getpid(), socket) == expected({own}));
  REQUIRE(::kill(child, SIGKILL) == 0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  // One that has ended has none: what is said of it is of no use, and nobody else's.
  CHECK(copies(scan, child, socket) == expected({std::to_string(socket.fd.get())}));
  for (const int end : pipe) (void)::close(end);
}
