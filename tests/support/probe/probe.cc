// SPDX-License-Identifier: Apache-2.0
#include "tests/support/probe/probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace sublet::probe {

UniqueFd tcp(int domain, int flags) { return UniqueFd(::socket(domain, SOCK_STREAM | flags, 0)); }

std::string name_of(int result) {
  if (result >= 0) return "ok";
  const char* name = ::strerrorname_np(errno);
  return name != nullptr ? name : fmt::format("errno {}", errno);
}

std::string dial(int fd, const Address& to) { return name_of(::connect(fd, to.get(), to.length)); }

std::string echo(int fd) {
  char word[4] = {};
  if (::send(fd, "ping", 4, MSG_NOSIGNAL) != 4) return "send " + name_of(-1);
  pollfd poll{fd, POLLIN, 0};
  constexpr int kPatienceMs = 20000;  // a thousand at once on a busy machine
  if (::poll(&poll, 1, kPatienceMs) != 1) return "no answer";
  const ssize_t count = ::recv(fd, word, sizeof word, 0);
  if (count < 0) return "recv " + name_of(-1);
  return count == 4 && std::memcmp(word, "ping", 4) == 0 ? "echo" : "another answer";
}

std::string dial_and_echo(int fd, const Address& to) {
  const std::string dialled = dial(fd, to);
  return dialled + " " + echo(fd);
}

std::string outcome(int fd, int timeout_ms) {
  pollfd poll{fd, POLLOUT, 0};
  if (::poll(&poll, 1, timeout_ms) != 1) return "late";
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return name_of(-1);
  errno = error;
  return error == 0 ? "ok" : name_of(-1);
}

namespace {

std::string text_of(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (storage.ss_family == AF_INET)
    (void)::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, text, sizeof text);
  if (storage.ss_family == AF_INET6)
    (void)::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, text, sizeof text);
  return text;
}

}  // namespace

std::string own_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0 ? text_of(storage) : "?";
}

std::string peer_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  return ::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0 ? text_of(storage) : "?";
}

std::uint16_t own_port(int fd) {
  sockaddr_in6 in{};  // the port lies in the same place in both families
  socklen_t size = sizeof in;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&in), &size) == 0 ? ntohs(in.sin6_port) : 0;
}

InnerServer::InnerServer(const char* address) {
  const Address local = at(address, 0);
  listener_ = tcp(local.storage.ss_family, SOCK_CLOEXEC);
  if (::bind(listener_.get(), local.get(), local.length) != 0 || ::listen(listener_.get(), 128) != 0) return;
  port_ = own_port(listener_.get());
  child_ = ::fork();
  if (child_ != 0) return;
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    const UniqueFd connection(::accept(listener_.get(), nullptr, nullptr));
    char buffer[512];
    for (ssize_t count = 0; (count = ::read(connection.get(), buffer, sizeof buffer)) > 0;)
      (void)!::write(connection.get(), buffer, static_cast<std::size_t>(count));
  }
}

InnerServer::~InnerServer() {
  if (child_ <= 0) return;
  (void)::kill(child_, SIGKILL);
  (void)::waitpid(child_, nullptr, 0);
}

void nap(int ms) {
  const timespec time{ms / 1000, (ms % 1000) * 1'000'000L};
  (void)::nanosleep(&time, nullptr);
}

std::string in_child_of(std::string (*run)(void*), void* context, int timeout_ms) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::setpgid(0, 0);
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string text = run(context);
    (void)!::write(theirs.get(), text.data(), text.size());
    ::_exit(0);
  }
  theirs.reset();
  std::string text;
  const Stopwatch watch;
  for (;;) {
    pollfd poll{ours.get(), POLLIN, 0};
    const int left = timeout_ms - watch.ms();
    if (left <= 0 || ::poll(&poll, 1, left) <= 0) {
      text += " late";
      (void)::kill(-child, SIGKILL);
      break;
    }
    char buffer[512];
    const ssize_t count = ::read(ours.get(), buffer, sizeof buffer);
    if (count <= 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  int status = 0;
  (void)::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) text += fmt::format(" signal {}", WTERMSIG(status));
  return text;
}

namespace {

// All of them, some at a time: most of it is waiting.
int run_all(const std::vector<Behaviour>& behaviours, const std::string& only) {
  constexpr std::size_t kAtOnce = 4;
  int bad = 0;
  std::vector<pid_t> workers;
  for (std::size_t worker = 0; worker < kAtOnce; ++worker) {
    const pid_t child = ::fork();
    if (child != 0) {
      workers.push_back(child);
      continue;
    }
    int wrong = 0;
    for (std::size_t i = worker; i < behaviours.size(); i += kAtOnce) {
      const Behaviour& each = behaviours[i];
      if (!only.empty() && only != each.name) continue;
      const Stopwatch watch;
      const std::string seen = in_child(each.run, 15000);
      const bool good = seen == each.expected;
      if (!good) ++wrong;
      const std::string line = good ? fmt::format("ok {} ({} ms)\n", each.name, watch.ms())
                                    : fmt::format("WRONG {}: {}; not: {}\n", each.name, seen, each.expected);
      (void)!::write(1, line.data(), line.size());
    }
    ::_exit(wrong);
  }
  for (pid_t worker : workers) {
    int status = 0;
    (void)::waitpid(worker, &status, 0);
    bad += WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  }
  std::printf("%zu behaviours, %d wrong\n", behaviours.size(), bad);
  return bad == 0 ? 0 : 1;
}

int run(const std::vector<std::string>& words) {
  const std::string mode = words.empty() ? "" : words[0];
  const std::string argument = words.size() > 1 ? words[1] : "";
  std::vector<Behaviour> chosen;
  auto add = [&](std::span<const Behaviour> more) { chosen.insert(chosen.end(), more.begin(), more.end()); };
  if (mode == "behaviours") {
    for (auto group : {connect_behaviours(), signal_behaviours(), epoll_behaviours(), socket_behaviours(),
                       process_behaviours(), garbage_behaviours()})
      add(group);
    return run_all(chosen, argument);
  }
  if (mode == "datagrams") {
    add(datagram_behaviours());
    return run_all(chosen, argument);
  }
  if (mode == "doors" || mode == "door-faults" || mode == "door-attacks") {
    add(mode == "doors" ? door_behaviours() : mode == "door-faults" ? door_fault_behaviours() : door_attacks());
    return run_all(chosen, argument);
  }
  if (mode == "attacks") {
    add(attacks());
    return run_all(chosen, argument);
  }
  if (mode == "kill-broker") return kill_broker(argument);
  if (mode == "kill-broker-at-door") return kill_broker_at_door(argument);
  if (mode == "serve-inherited") return serve_inherited();
  if (mode == "flood") return flood();
  if (mode == "latency") return latency();
  if (mode == "flip-address") return flip_address(std::atoi(argument.c_str()));
  if (mode == "flip-descriptor") return flip_descriptor(std::atoi(argument.c_str()));
  if (mode == "flip-family") return flip_family(std::atoi(argument.c_str()));
  if (mode == "once") return once();
  if (mode == "count-notifications") return count_notifications(argument);
  std::fprintf(stderr, "bypass_probe: unknown mode %s\n", mode.c_str());
  return 2;
}

}  // namespace
}  // namespace sublet::probe

int main(int argc, char** argv) { return sublet::probe::run(std::vector<std::string>(argv + 1, argv + argc)); }
