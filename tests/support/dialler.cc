// SPDX-License-Identifier: Apache-2.0
#include "tests/support/dialler.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/inet.h"
#include "tests/support/probe/address.h"

namespace sublet::test {
namespace {

// Empty: as it should be.
std::string one(const probe::Address& to, const std::string& mode, const std::string& word) {
  const UniqueFd fd(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{8, 0};
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  auto wrong = [](const char* what) { return fmt::format("{}: {}", what, std::strerror(errno)); };
  char heard[64] = {};
  if (::connect(fd.get(), to.get(), to.length) != 0) return mode == "gone" ? "" : wrong("connect");
  if (mode == "gone") {
    const ssize_t count = ::recv(fd.get(), heard, sizeof heard, 0);
    return count == 0 || (count < 0 && errno == ECONNRESET) ? "" : wrong("not gone");
  }
  if (mode == "banner" && ::recv(fd.get(), heard, 5, MSG_WAITALL) != 5) return wrong("banner");
  if (mode == "hold") (void)::poll(nullptr, 0, 1000);
  if (::send(fd.get(), word.data(), word.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(word.size()))
    return wrong("send");
  if (mode == "half") (void)::shutdown(fd.get(), SHUT_WR);
  std::size_t filled = 0;
  while (filled < word.size()) {
    const ssize_t count = ::recv(fd.get(), heard + filled, word.size() - filled, 0);
    if (count < 0) return wrong("recv");
    if (count == 0) return "ended";
    filled += static_cast<std::size_t>(count);
  }
  return word == std::string_view(heard, filled) ? "" : "another's answer";
}

std::string dial_all(const std::string& line) {
  char address[64];
  char mode[16];
  unsigned port = 0;
  int count = 0;
  int threads = 0;
  if (std::sscanf(line.c_str(), "%63s %u %d %d %15s", address, &port, &count, &threads, mode) != 5) return "what?";
  const probe::Address to = probe::at(address, static_cast<std::uint16_t>(port));
  std::atomic<int> next{0};
  std::atomic<int> good{0};
  std::mutex mutex;
  std::string first;
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i)
    all.emplace_back([&] {
      for (int number = 0; (number = next++) < count;) {
        const std::string wrong = one(to, mode, fmt::format("word {} of {}", number, ::getpid()));
        if (wrong.empty()) {
          ++good;
          continue;
        }
        std::lock_guard lock(mutex);
        if (first.empty()) first = " " + wrong;
      }
    });
  for (std::thread& each : all) each.join();
  return fmt::format("ok {} bad {}{}", good.load(), count - good.load(), first);
}

}  // namespace

int serve_dials(const char* address, std::uint16_t port) {
  auto listener = serve(SOCK_STREAM, address, port);
  if (!listener || ::listen(listener->get(), 64) != 0) return 97;
  (void)::signal(SIGCHLD, SIG_IGN);
  for (;;) {
    const UniqueFd asked(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!asked || ::fork() != 0) continue;
    std::string line;
    char byte = 0;
    while (::recv(asked.get(), &byte, 1, 0) == 1 && byte != '\n') line += byte;
    const std::string answer = dial_all(line);
    (void)::send(asked.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    ::_exit(0);
  }
}

}  // namespace sublet::test
