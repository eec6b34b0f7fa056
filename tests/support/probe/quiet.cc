// SPDX-License-Identifier: Apache-2.0
// Does the broker hear of what it must not be asked about? A notification wakes a thread of it, so its threads'
// voluntary context switches are an upper bound of what it was asked.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/support/probe/probe.h"

namespace sublet::probe {
namespace {

constexpr int kRounds = 2000;

long wakes(pid_t broker) {
  long sum = 0;
  for (const auto& thread : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", broker))) {
    std::ifstream status(thread.path() / "status");
    for (std::string line; std::getline(status, line);) {
      constexpr std::string_view kKey = "voluntary_ctxt_switches:";
      if (line.starts_with(kKey)) sum += std::atol(line.c_str() + kKey.size());
    }
  }
  return sum;
}

// What a program does with a connection that it has; false if something of it fails.
bool use(int fd, int set) {
  epoll_event event{};
  event.events = EPOLLIN;
  pollfd poll{fd, POLLOUT, 0};
  char byte = 'x';
  const int copy = ::dup(fd);
  return ::send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && ::recv(fd, &byte, 1, 0) == 1 && ::write(fd, &byte, 1) == 1 &&
         ::read(fd, &byte, 1) == 1 && ::poll(&poll, 1, 0) == 1 && ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL)) == 0 &&
         ::epoll_ctl(set, EPOLL_CTL_ADD, copy, &event) == 0 && ::epoll_wait(set, &event, 1, 0) == 0 &&
         ::epoll_ctl(set, EPOLL_CTL_DEL, copy, nullptr) == 0 && ::close(copy) == 0;
}

}  // namespace

int count_notifications(const std::string& pid_file) {
  pid_t broker = 0;
  std::ifstream(pid_file) >> broker;
  const UniqueFd fd = tcp();
  const UniqueFd set(::epoll_create1(EPOLL_CLOEXEC));
  const std::string dialled = dial(fd.get(), at(kServer, kEcho));
  if (broker <= 0 || dialled != "ok") {
    std::printf("broker %d, dialled: %s\n", broker, dialled.c_str());
    return 1;
  }
  nap(100);
  const long before = wakes(broker);
  for (int i = 0; i < kRounds; ++i)
    if (!use(fd.get(), set.get())) {
      std::printf("round %d: %m\n", i);
      return 1;
    }
  const long used = wakes(broker) - before;
  // And the measure does measure.
  for (int i = 0; i < kRounds; ++i) (void)dial(tcp(AF_INET, SOCK_NONBLOCK).get(), at(kServer, kEcho));
  const long connected = wakes(broker) - before - used;
  std::printf("wakes: %ld by %d rounds of 11 calls, %ld by as many connections\n", used, kRounds, connected);
  return 0;
}

}  // namespace sublet::probe
