// SPDX-License-Identifier: Apache-2.0
// Servers at a door that don't take what comes: signals, limits, ends, and those who try what they must not.
#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>

#include "tests/support/probe/door.h"

namespace sublet::probe {
namespace {

std::atomic<int> signals_seen{0};

void handle(int number, int flags) {
  struct sigaction action {};
  action.sa_handler = [](int) { ++signals_seen; };
  action.sa_flags = flags;
  (void)::sigaction(number, &action, nullptr);
}

void alarm_in(int ms) {
  const itimerval timer{{0, 0}, {ms / 1000, (ms % 1000) * 1000}};
  (void)::setitimer(ITIMER_REAL, &timer, nullptr);
}

std::string accept_once(int listener) {
  const UniqueFd accepted(::accept(listener, nullptr, nullptr));
  if (!accepted) return name_of(-1);
  (void)echo_all(accepted.get());
  return "ok";
}

std::string alarm_in_accept() {
  const Server server(kFirstDoor + 24);
  handle(SIGALRM, 0);
  const Stopwatch watch;
  alarm_in(100);
  std::string seen = accept_once(server.fd());
  seen += watch.ms() >= 90 && watch.ms() < 5000 ? " in time " : fmt::format(" at {} ", watch.ms());
  Calling calling(server.port(), 1, 1, "echo");
  seen += accept_once(server.fd()) + " ";
  return seen + calling.told();
}

// The handler runs, and accept goes on.
std::string alarm_with_restart() {
  const Server server(kFirstDoor + 25);
  handle(SIGALRM, SA_RESTART);
  alarm_in(100);
  Calling calling(server.port(), 1, 1, "echo");
  std::string seen = accept_once(server.fd()) + " ";
  seen += calling.told();
  alarm_in(100);
  std::thread later([&] {
    nap(1500);
    Calling again(server.port(), 1, 1, "echo");
    (void)again.told();
  });
  seen += " " + accept_once(server.fd());
  later.join();
  return seen + fmt::format(" {}", signals_seen.load() >= 1);
}

std::string time_limit() {
  const Server server(kFirstDoor + 26);
  const timeval limit{0, 300'000};
  (void)::setsockopt(server.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const Stopwatch watch;
  std::string seen = accept_once(server.fd());
  seen += watch.ms() >= 290 && watch.ms() < 5000 ? " in time " : fmt::format(" at {} ", watch.ms());
  Calling calling(server.port(), 1, 1, "echo");
  return seen + accept_once(server.fd());
}

std::string killed() {
  const Server server(kFirstDoor + 27);
  const pid_t child = ::fork();
  if (child == 0) {
    (void)accept_once(server.fd());
    ::_exit(1);
  }
  nap(100);
  const Stopwatch watch;
  (void)::kill(child, SIGKILL);
  int status = 0;
  (void)::waitpid(child, &status, 0);
  std::string seen = WIFSIGNALED(status) && watch.ms() < 5000 ? "killed " : "late ";
  // What comes next is not the dead one's.
  Calling calling(server.port(), 3, 1, "echo");
  for (int i = 0; i < 3; ++i) seen += accept_once(server.fd()) + " ";
  return seen + calling.told();
}

std::string cancelled() {
  const Server server(kFirstDoor + 28);
  int fd = server.fd();
  pthread_t thread{};
  (void)::pthread_create(
      &thread, nullptr,
      [](void* listener) -> void* {
        (void)accept_once(*static_cast<int*>(listener));
        return nullptr;
      },
      &fd);
  nap(100);
  (void)::pthread_cancel(thread);
  void* result = nullptr;
  (void)::pthread_join(thread, &result);
  return result == PTHREAD_CANCELED ? "cancelled" : "went on";
}

std::string shut_down() {
  const Server server(kFirstDoor + 29);
  std::string seen;
  std::thread waiting([&] { seen = accept_once(server.fd()); });
  nap(100);
  (void)::shutdown(server.fd(), SHUT_RDWR);
  waiting.join();
  return seen;
}

std::string nobody_listens() {
  Calling calling(kFirstDoor + 30, 10, 2, "gone");
  std::string seen = calling.told();
  // On loopback alone: as from any other address of the pod.
  const Server server(kFirstDoor + 30, 0, "127.0.0.1");
  Calling again(server.port(), 10, 2, "gone");
  return seen + ", " + again.told();
}

std::string closed_with_some_waiting() {
  Server server(kFirstDoor + 31);
  Calling calling(server.port(), 10, 10, "hold");
  (void)is_readable(server.fd());
  nap(300);
  server.close();
  const std::string told = calling.told();
  return told.starts_with("ok 0 bad 10") ? "all told" : told;
}

// Far more than its backlog, while it does something else.
std::string full_backlog() {
  const Server server(kFirstDoor + 32, SOCK_NONBLOCK, "0.0.0.0", 4);
  Calling calling(server.port(), 60, 60, "hold");
  nap(1500);
  int taken = 0;
  std::vector<std::thread> talks;
  while (taken < 60 && is_readable(server.fd())) {
    const int accepted = ::accept(server.fd(), nullptr, nullptr);
    if (accepted < 0) continue;
    ++taken;
    talks.emplace_back([accepted] {
      const UniqueFd fd(accepted);
      (void)echo_all(fd.get());
    });
  }
  std::string told = calling.told();
  for (std::thread& each : talks) each.join();
  return fmt::format("{} taken, {}", taken, told);
}

// What it has no number for is not lost.
std::string no_number_left() {
  const Server server(kFirstDoor + 33, SOCK_NONBLOCK);
  Calling calling(server.port(), 1, 1, "echo");
  if (!is_readable(server.fd())) return "not woken";
  rlimit usual{};
  (void)::getrlimit(RLIMIT_NOFILE, &usual);
  rlimit none = usual;
  none.rlim_cur = 3;
  (void)::setrlimit(RLIMIT_NOFILE, &none);
  std::string seen = accept_once(server.fd());
  seen += " " + accept_once(server.fd());
  (void)::setrlimit(RLIMIT_NOFILE, &usual);
  seen += is_readable(server.fd()) ? " still there " : " lost ";
  seen += accept_once(server.fd()) + " ";
  seen += calling.told();
  // One of its own, too.
  const UniqueFd own = tcp();
  const std::string dialled = dial(own.get(), at("127.0.0.1", server.port()));
  (void)is_readable(server.fd());
  (void)::setrlimit(RLIMIT_NOFILE, &none);
  seen += ", " + dialled + " " + accept_once(server.fd());
  (void)::setrlimit(RLIMIT_NOFILE, &usual);
  if (!is_readable(server.fd())) return seen + " lost";
  const UniqueFd accepted(::accept(server.fd(), nullptr, nullptr));
  return seen + " " + peer_address(accepted.get()) + " " + (own_port(own.get()) != 0 ? "ok" : "?");
}

// A child takes what is there and is killed over it, again and again.
std::string killed_over_it() {
  const Server server(kFirstDoor + 34);
  Calling calling(server.port(), 40, 4, "gone");
  int ended = 0;
  for (int i = 0; i < 40; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(UniqueFd(::accept(server.fd(), nullptr, nullptr)) ? 0 : 1);
    const timespec moment{0, (i % 8) * 50'000L};
    (void)::nanosleep(&moment, nullptr);
    (void)::kill(child, SIGKILL);
    int status = 0;
    (void)::waitpid(child, &status, 0);
    if (!WIFSIGNALED(status)) ++ended;
  }
  // Who is left gets what the dead did not.
  while (is_readable(server.fd(), 500)) (void)UniqueFd(::accept(server.fd(), nullptr, nullptr));
  return calling.told();
}

// A connection that the host took, made into one to the host's loopback.
std::string let_go_and_reuse() {
  const Server server(kFirstDoor + 36);
  std::string reached;
  for (const Caller caller : {Caller{kServer, kHost}, Caller{kHost, kHost}, Caller{kHost, "127.0.0.1"}})
    for (const char* target : {"127.0.0.1", "127.0.0.53", "0.0.0.0"}) {
      Calling calling(server.port(), 1, 1, "gone", caller);
      const UniqueFd accepted(::accept(server.fd(), nullptr, nullptr));
      Address nothing;
      nothing.storage.ss_family = AF_UNSPEC;
      nothing.length = sizeof(sockaddr_in);
      const std::string let_go = dial(accepted.get(), nothing);
      if (let_go != "ok") reached += let_go + " ";
      (void)::fcntl(accepted.get(), F_SETFL, O_NONBLOCK);
      (void)dial(accepted.get(), at(target, kCanary));
      if (outcome(accepted.get(), 200) == "ok" && peer_address(accepted.get()) != "?") reached += target;
    }
  return reached.empty() ? "none" : reached;
}

// The same by a race: the kernel is made to do the connects itself (AF_UNIX's are its own), on a descriptor that
// becomes the accepted one at that very moment.
std::string reuse_by_a_race() {
  const Server server(kFirstDoor + 37);
  std::string reached;
  int let_go = 0;
  for (int round = 0; round < 40; ++round) {
    Calling calling(server.port(), 1, 1, "gone", {kServer, kHost});
    const UniqueFd accepted(::accept(server.fd(), nullptr, nullptr));
    (void)::fcntl(accepted.get(), F_SETFL, O_NONBLOCK);
    const UniqueFd place(::socket(AF_UNIX, SOCK_STREAM, 0));
    const UniqueFd local(::socket(AF_UNIX, SOCK_STREAM, 0));
    std::atomic<bool> stop{false};
    std::thread flipper([&] {
      while (!stop.load(std::memory_order_relaxed)) {
        (void)::dup2(accepted.get(), place.get());
        (void)::dup2(local.get(), place.get());
      }
    });
    Address nothing;
    nothing.storage.ss_family = AF_UNSPEC;
    nothing.length = sizeof(sockaddr_in);
    for (int i = 0; i < 100; ++i) (void)::connect(place.get(), nothing.get(), nothing.length);
    if (peer_address(accepted.get()) == "?") ++let_go;
    const Address canary = at("127.0.0.1", kCanary);
    for (int i = 0; i < 100; ++i) (void)::connect(place.get(), canary.get(), canary.length);
    stop = true;
    flipper.join();
    if (outcome(accepted.get(), 20) == "ok" && peer_address(accepted.get()) == "127.0.0.1") reached += "reached ";
  }
  return reached.empty() ? "none" : reached;
}

// Bells come from the pod's own address: so does this, from any port, to an address that no bell has.
std::string forged_bells() {
  const Server server(kFirstDoor + 38, SOCK_NONBLOCK);
  std::atomic<bool> stop{false};
  std::vector<std::thread> forgers;
  for (int i = 0; i < 2; ++i)
    forgers.emplace_back([&, i] {
      for (int port = 32768 + i; !stop; port += 2) {
        if (port > 60999) port = 32768 + i;
        const UniqueFd fd = tcp();
        const int on = 1;
        const linger reset{1, 0};
        (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        (void)::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        const Address from = at(kPod, static_cast<std::uint16_t>(port));
        if (::bind(fd.get(), from.get(), from.length) != 0) continue;
        const Address to = at("127.0.0.1", server.port());
        (void)::connect(fd.get(), to.get(), to.length);
      }
    });
  Calling calling(server.port(), 300, 4, "echo");
  std::string told;
  std::thread listener([&] {
    told = calling.told();
    stop = true;
  });
  std::vector<std::thread> talks;
  while (!stop) {
    if (!is_readable(server.fd(), 50)) continue;
    UniqueFd accepted(::accept4(server.fd(), nullptr, nullptr, 0));
    if (!accepted || peer_address(accepted.get()) == kPod) continue;
    (void)echo_all(accepted.get());
  }
  listener.join();
  for (std::thread& each : forgers) each.join();
  return told;
}

constexpr Behaviour kFaults[] = {
    {"alarm in accept", alarm_in_accept, "EINTR in time ok ok 1 bad 0"},
    {"alarm in accept with SA_RESTART", alarm_with_restart, "ok ok 1 bad 0 ok true"},
    {"SO_RCVTIMEO", time_limit, "EAGAIN in time ok"},
    {"SIGKILL in accept", killed, "killed ok ok ok ok 3 bad 0"},
    {"a thread cancelled in accept", cancelled, "cancelled"},
    {"shutdown of the listener", shut_down, "EINVAL"},
    {"nobody listens", nobody_listens, "ok 10 bad 0, ok 10 bad 0"},
    {"closed with some waiting", closed_with_some_waiting, "all told"},
    {"a full backlog", full_backlog, "60 taken, ok 60 bad 0"},
    {"no number left", no_number_left, "EMFILE EMFILE still there ok ok 1 bad 0, ok EMFILE 127.0.0.1 ok"},
    {"killed over what it accepts", killed_over_it, "ok 40 bad 0"},
};

constexpr Behaviour kAttacks[] = {
    {"an accepted connection, let go and used anew", let_go_and_reuse, "none"},
    {"the same by a race", reuse_by_a_race, "none"},
    {"forged doorbells", forged_bells, "ok 300 bad 0"},
};

}  // namespace

// Brokers die while clients come, from outside and from inside. Those may be cut off who were being served; but the
// server goes on, and in the end all is as before.
int kill_broker_at_door(const std::string& pid_file) {
  const Server waiting(kFirstDoor + 40);
  const Server looping(kFirstDoor + 41, SOCK_NONBLOCK);
  const pid_t first = ::fork();
  if (first == 0)
    for (;;) {
      const UniqueFd accepted(::accept(waiting.fd(), nullptr, nullptr));
      if (!accepted) ::_exit(1);
      (void)echo_all(accepted.get());
    }
  const pid_t second = ::fork();
  if (second == 0)
    for (;;) {
      if (!is_readable(looping.fd(), -1)) continue;
      const UniqueFd accepted(::accept(looping.fd(), nullptr, nullptr));
      if (!accepted && errno != EAGAIN && errno != ECONNABORTED) ::_exit(1);
      if (accepted) (void)echo_all(accepted.get());
    }
  int served = 0;
  for (int round = 0; round < 20; ++round) {
    Calling one(waiting.port(), 100, 4, "echo");
    Calling two(looping.port(), 100, 4, "echo");
    nap(5 + round * 3);
    int pid = 0;
    std::ifstream(pid_file) >> pid;
    if (pid > 0) (void)::kill(pid, SIGKILL);
    int good = 0;
    for (Calling* each : {&one, &two})
      if (std::sscanf(each->told().c_str(), "ok %d", &good) == 1) served += good;
    nap(100);
  }
  std::string end;
  for (const Server* server : {&waiting, &looping}) {
    Calling calling(server->port(), 50, 4, "echo");
    end += calling.told() + ", ";
  }
  int status = 0;
  const bool alive = ::waitpid(first, &status, WNOHANG) == 0 && ::waitpid(second, &status, WNOHANG) == 0;
  (void)::kill(first, SIGKILL);
  (void)::kill(second, SIGKILL);
  std::printf("20 brokers killed, %d served meanwhile, then %s%s\n", served, end.c_str(), alive ? "alive" : "dead");
  return alive && end == "ok 50 bad 0, ok 50 bad 0, " ? 0 : 1;
}

std::span<const Behaviour> door_fault_behaviours() { return kFaults; }
std::span<const Behaviour> door_attacks() { return kAttacks; }

}  // namespace sublet::probe
