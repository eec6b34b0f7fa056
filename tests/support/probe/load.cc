// SPDX-License-Identifier: Apache-2.0
// Races, floods and killings: modes of their own, which print figures and end with 0 if all was well.
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>

#include "tests/support/probe/probe.h"

namespace sublet::probe {
namespace {

// Copies by words, as a racing program would.
void write_into(sockaddr_in& to, const Address& from) {
  sockaddr_in in{};
  std::memcpy(&in, &from.storage, sizeof in);
  __atomic_store_n(&to.sin_addr.s_addr, in.sin_addr.s_addr, __ATOMIC_RELAXED);
  __atomic_store_n(&to.sin_port, in.sin_port, __ATOMIC_RELAXED);
}

struct Tally {
  int allowed = 0;
  int inside = 0;
  int through = 0;  // the host's socket, at what it must not reach
};

// Whose socket it became, and where it went.
void count(Tally& tally, int fd) {
  const std::string own = own_address(fd);
  if (own != "192.0.2.1") return void(++tally.inside);
  // Under way to where nobody answers: no peer yet.
  const std::string peer = peer_address(fd);
  const std::string where = peer == "?" && outcome(fd, 10) == "ok" ? peer_address(fd) : peer;
  if (where == kServer || where == "?")
    ++tally.allowed;
  else
    ++tally.through;
}

int report(const char* what, const Tally& tally, int tries, const Stopwatch& watch) {
  std::printf("%s: %d tries, %d outside, %d inside or nowhere, %d through, %d ms\n", what, tries, tally.allowed,
              tally.inside, tally.through, watch.ms());
  return tally.through == 0 ? 0 : 1;
}

}  // namespace

// The address changes under connect's hands: allowed, loopback, denied.
int flip_address(int tries) {
  sockaddr_in shared{};
  shared.sin_family = AF_INET;
  const Address good = at(kServer, kEcho);
  const Address loopback = at("127.0.0.1", kCanary);
  const Address denied = at(kDenied, kEcho);
  write_into(shared, good);
  std::atomic<bool> stop{false};
  std::thread flipper([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      write_into(shared, loopback);
      write_into(shared, denied);
      // Mostly good: what is looked at should be, and what is used should not.
      for (int i = 0; i < 20; ++i) write_into(shared, good);
    }
  });
  Tally tally;
  const Stopwatch watch;
  for (int i = 0; i < tries; ++i) {
    const UniqueFd fd = tcp(AF_INET, SOCK_NONBLOCK);
    const linger linger{1, 0};  // no TIME_WAIT: the ports would not last
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)::connect(fd.get(), reinterpret_cast<const sockaddr*>(&shared), sizeof shared);
    count(tally, fd.get());
  }
  stop = true;
  flipper.join();
  return report("address", tally, tries, watch);
}

namespace {

// One number is now this, now that socket, while another thread connects it.
int flip_number(const char* what, int tries, int other, const Address& to) {
  const UniqueFd number = tcp(AF_INET, SOCK_NONBLOCK);
  std::atomic<int> current{-1};
  std::atomic<bool> stop{false};
  std::thread flipper([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      const int hosts = current.load();
      if (hosts < 0) continue;
      (void)::dup2(other, number.get());
      (void)::dup2(hosts, number.get());
    }
  });
  Tally tally;
  const Stopwatch watch;
  for (int i = 0; i < tries; ++i) {
    const UniqueFd hosts = tcp(AF_INET, SOCK_NONBLOCK);
    const linger linger{1, 0};
    (void)::setsockopt(hosts.get(), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    current = hosts.get();
    (void)::connect(number.get(), to.get(), to.length);
    current = -1;
    count(tally, hosts.get());
  }
  stop = true;
  flipper.join();
  return report(what, tally, tries, watch);
}

}  // namespace

int flip_descriptor(int tries) {
  const UniqueFd pods = tcp(AF_INET, SOCK_NONBLOCK);
  const Address any = at("0.0.0.0", 0);
  (void)::bind(pods.get(), any.get(), any.length);
  return flip_number("descriptor, loopback", tries, pods.get(), at("127.0.0.1", kCanary)) |
         flip_number("descriptor, denied", tries, pods.get(), at(kDenied, kEcho));
}

// The broker leaves names of AF_UNIX to the kernel: is it still that socket by then?
int flip_family(int tries) {
  const UniqueFd unix_socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  return flip_number("family, loopback", tries, unix_socket.get(), at("127.0.0.1", kCanary)) |
         flip_number("family, denied", tries, unix_socket.get(), at(kDenied, kEcho));
}

// Until it is killed: as many notifications as a pod can make.
int flood() {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([] {
      for (;;) {
        const UniqueFd fd = tcp(AF_INET, SOCK_NONBLOCK);
        (void)dial(fd.get(), at("127.0.0.1", kClosed));
      }
    });
  for (std::thread& thread : threads) thread.join();
  return 0;
}

// Median of socket, connect, echo, close, in microseconds.
int latency() {
  std::vector<long> times;
  for (int i = 0; i < 300; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const UniqueFd fd = tcp();
    if (dial(fd.get(), at(kServer, kEcho)) != "ok" || echo(fd.get()) != "echo") return 1;
    times.push_back(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  std::printf("median %ld us\n", times[times.size() / 2]);
  return 0;
}

namespace {

pid_t read_pid(const std::string& file) {
  pid_t pid = 0;
  std::ifstream(file) >> pid;
  return pid;
}

struct Load {
  std::atomic<bool> stop{false};
  std::atomic<int> good{0};
  std::atomic<int> wrong{0};
  std::atomic<int> slowest_ms{0};
  std::string first_wrong;
  std::atomic<bool> told{false};

  void note(const std::string& seen, int ms) {
    for (int known = slowest_ms.load(); ms > known && !slowest_ms.compare_exchange_weak(known, ms);) continue;
    if (seen == "ok echo") return void(++good);
    ++wrong;
    if (!told.exchange(true)) first_wrong = seen;
  }
};

void connect_in_a_loop(Load& load, const Address& to, int flags) {
  while (!load.stop) {
    const Stopwatch watch;
    const UniqueFd fd = tcp(to.storage.ss_family, flags);
    std::string seen = fd ? dial(fd.get(), to) : "socket " + name_of(-1);
    // A broker that dies in between leaves the mode as it was.
    if ((::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != (flags & SOCK_NONBLOCK)) seen += ", mode changed";
    if (seen == "EINPROGRESS" && (flags & SOCK_NONBLOCK) != 0) seen = outcome(fd.get());
    load.note(seen == "ok" ? "ok " + echo(fd.get()) : seen, watch.ms());
  }
}

}  // namespace

// Twenty times in a row, under load: nothing established breaks, nothing new fails or takes longer than a second, and
// what waits goes on waiting.
int kill_broker(const std::string& pid_file) {
  const UniqueFd established = tcp();
  if (dial(established.get(), at(kServer, kEcho)) != "ok") return 1;
  const UniqueFd waiting = tcp();
  const timeval limit{20, 0};
  (void)::setsockopt(waiting.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  std::atomic<bool> returned{false};
  std::thread waiter([&] {
    (void)dial(waiting.get(), at(kBlackhole, kEcho));
    returned = true;
  });
  const InnerServer inner;
  Load load;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      // Each sort of them: waiting or not, outside or swapped for one of the pod.
      connect_in_a_loop(load, i % 4 == 3 ? at("127.0.0.1", inner.port()) : at(kServer, kEcho),
                        i % 2 == 0 ? 0 : SOCK_NONBLOCK + 0);
    });
  int kills = 0;
  int broken = 0;
  for (pid_t last = 0; kills < 20;) {
    nap(100);
    const pid_t broker = read_pid(pid_file);
    if (broker <= 0 || broker == last) continue;
    if (::kill(broker, SIGKILL) != 0) break;
    last = broker;
    ++kills;
    if (echo(established.get()) != "echo") ++broken;
  }
  nap(300);
  const bool waits = !returned;
  load.stop = true;
  for (std::thread& thread : threads) thread.join();
  (void)::pthread_kill(waiter.native_handle(), 0);
  const int good = load.good.load();
  std::printf("%d kills, %d connections, %d wrong (%s), slowest %d ms, established %s, waiting %s\n", kills, good,
              load.wrong.load(), load.first_wrong.c_str(), load.slowest_ms.load(), broken == 0 ? "well" : "broken",
              waits ? "yes" : "no");
  std::fflush(stdout);
  ::_exit(kills == 20 && good > 100 && load.wrong == 0 && load.slowest_ms < 1000 && broken == 0 && waits ? 0 : 1);
}

}  // namespace sublet::probe
