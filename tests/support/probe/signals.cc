// SPDX-License-Identifier: Apache-2.0
// Signals that come while connect(2) waits for somebody who never answers.
#include <fmt/format.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/probe/probe.h"

namespace sublet::probe {
namespace {

std::atomic<int> signals_seen{0};
std::atomic<int> first_seen_ms{0};
const Stopwatch* clock_of_test = nullptr;

void on_signal(int) {
  if (signals_seen.fetch_add(1) == 0) first_seen_ms.store(clock_of_test->ms());
}

void handle(int number, int flags) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = flags;
  (void)::sigaction(number, &action, nullptr);
}

// Again each second, if that is asked for: on a busy machine the first may come before the call that it is to end.
void alarm_in(int ms, bool again = false) {
  const itimerval timer{{again ? 1 : 0, 0}, {ms / 1000, (ms % 1000) * 1000}};
  (void)::setitimer(ITIMER_REAL, &timer, nullptr);
}

void limit(int fd) {
  const timeval time{3, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

// Long before the time limit of limit(), and the kernel's own of two minutes; busy machines are late, too.
std::string when(int ms) { return ms >= 90 && ms < 2500 ? "in time" : "at " + std::to_string(ms); }

std::string alarm_ends_it(bool limited, int flags) {
  const Stopwatch watch;
  clock_of_test = &watch;
  handle(SIGALRM, flags);
  const UniqueFd fd = tcp();
  if (limited) limit(fd.get());
  alarm_in(100, true);
  std::string seen = dial(fd.get(), at(kBlackhole, kEcho));
  seen += " " + when(first_seen_ms.load()) + " " + when(watch.ms());
  alarm_in(100, true);
  seen += " " + dial(fd.get(), at(kBlackhole, kEcho));
  alarm_in(0);
  return seen;
}

// The handler runs, and connect goes on: until another signal's handler, without SA_RESTART, ends it.
std::string restarted() {
  const Stopwatch watch;
  clock_of_test = &watch;
  handle(SIGALRM, SA_RESTART);
  handle(SIGUSR1, 0);
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    nap(1000);
    (void)::kill(self, SIGUSR1);
    ::_exit(0);
  }
  const UniqueFd fd = tcp();
  alarm_in(100);
  std::string seen = dial(fd.get(), at(kBlackhole, kEcho));
  const int ended = watch.ms();
  seen += first_seen_ms.load() < ended - 200 ? " in time" : " at " + std::to_string(first_seen_ms.load());
  seen += ended >= 900 ? " then" : " then at " + std::to_string(ended);
  (void)::waitpid(child, nullptr, 0);
  return seen + " " + std::to_string(signals_seen.load());
}

// A signal for the process, with many threads in connect: the kernel gives it to the first, and to nobody else.
std::string many_threads() {
  const Stopwatch watch;
  clock_of_test = &watch;
  handle(SIGUSR1, 0);
  constexpr int kThreads = 8;
  std::atomic<int> wrong{0};
  std::atomic<int> interrupted{0};
  std::vector<std::thread> threads;
  // Before the first signal: a socket(2) that nobody has taken up yet is interrupted, too.
  const UniqueFd fd = tcp();
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      const UniqueFd socket = tcp();
      const timeval time{1, 0};
      (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
      const std::string seen = dial(socket.get(), at(kBlackhole, kEcho));
      if (seen == "EINTR") ++interrupted;
      if (seen != "EINTR" && seen != "EINPROGRESS") ++wrong;
    });
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child == 0)
    for (;;) {
      nap(20);
      if (::kill(self, SIGUSR1) != 0) ::_exit(0);
    }
  const std::string seen = dial(fd.get(), at(kBlackhole, kEcho));  // of the first thread, without a time limit
  (void)::kill(child, SIGKILL);
  (void)::waitpid(child, nullptr, 0);
  for (std::thread& thread : threads) thread.join();
  return fmt::format("{} {} {}", seen, interrupted.load(), wrong.load()) +
         (signals_seen.load() > 0 ? " handled" : " not handled");
}

std::string for_one_thread() {
  const Stopwatch watch;
  clock_of_test = &watch;
  handle(SIGUSR1, 0);
  std::string seen;
  std::atomic<bool> there{false};
  std::thread other([&] {
    const UniqueFd fd = tcp();
    there = true;
    seen = dial(fd.get(), at(kBlackhole, kEcho));
    seen += " " + when(watch.ms());
  });
  while (!there) nap(1);
  nap(100);
  (void)::pthread_kill(other.native_handle(), SIGUSR1);
  other.join();
  return seen;
}

std::string blocked_signal() {
  sigset_t set;
  (void)::sigemptyset(&set);
  (void)::sigaddset(&set, SIGALRM);
  (void)::sigprocmask(SIG_BLOCK, &set, nullptr);
  alarm_in(50);
  const UniqueFd fd = tcp();
  const timeval time{0, 300'000};
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  return dial(fd.get(), at(kBlackhole, kEcho));
}

pid_t child_in_connect() {
  const pid_t child = ::fork();
  if (child != 0) {
    nap(100);
    return child;
  }
  const UniqueFd fd = tcp();
  (void)dial(fd.get(), at(kBlackhole, kEcho));
  ::_exit(1);
}

// "ended N", "stopped N", "goes on", or "late".
std::string state_of(pid_t child, int options, int timeout_ms) {
  const Stopwatch watch;
  while (watch.ms() < timeout_ms) {
    int status = 0;
    if (::waitpid(child, &status, options | WNOHANG) == child) {
      if (WIFSTOPPED(status)) return "stopped";
      if (WIFCONTINUED(status)) return "goes on";
      return WIFSIGNALED(status) ? "killed" : "ended";
    }
    nap(2);
  }
  return "late";
}

constexpr int kPatienceMs = 5000;

std::string killed() {
  const pid_t child = child_in_connect();
  (void)::kill(child, SIGKILL);
  return state_of(child, 0, kPatienceMs);
}

std::string stopped() {
  const pid_t child = child_in_connect();
  (void)::kill(child, SIGSTOP);
  std::string seen = state_of(child, WUNTRACED, kPatienceMs);
  nap(50);
  (void)::kill(child, SIGCONT);
  seen += ", " + state_of(child, WCONTINUED, kPatienceMs);
  nap(100);
  seen += ", " + state_of(child, 0, 50);  // it still connects
  (void)::kill(child, SIGTERM);
  return seen + ", " + state_of(child, 0, kPatienceMs);
}

constexpr Behaviour kBehaviours[] = {
    {"alarm in connect", [] { return alarm_ends_it(false, 0); }, "EINTR in time in time EINTR"},
    {"alarm in connect with SO_SNDTIMEO", [] { return alarm_ends_it(true, 0); }, "EINTR in time in time EINTR"},
    {"alarm in connect with SO_SNDTIMEO and SA_RESTART", [] { return alarm_ends_it(true, SA_RESTART); },
     "EINTR in time in time EINTR"},
    {"alarm in connect with SA_RESTART", restarted, "EINTR in time then 2"},
    {"signals for a process with many threads in connect", many_threads, "EINTR 0 0 handled"},
    {"a signal for one thread in connect", for_one_thread, "EINTR in time"},
    {"a blocked signal does not interrupt", blocked_signal, "EINPROGRESS"},
    {"SIGKILL in connect", killed, "killed"},
    {"SIGSTOP and SIGCONT in connect", stopped, "stopped, goes on, late, killed"},
};

}  // namespace

std::span<const Behaviour> signal_behaviours() { return kBehaviours; }

}  // namespace sublet::probe
