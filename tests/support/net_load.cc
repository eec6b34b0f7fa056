// SPDX-License-Identifier: Apache-2.0
// net_load VERB …: what scripts/bench.d/net and the tests of the bypass load the network with. Prints one number, or as
// said. Plain sockets and nothing else, so that what is measured is the kernel, and whoever stands in between.
//   serve PORT                      takes connections on all addresses and sends back what comes, until it is killed
//   connect-rate HOST PORT SECONDS THREADS    connections per second, each with a byte there and back
//   connect-bare-rate HOST PORT SECONDS THREADS    the same without the byte: made and ended at once
//   connect-p50 HOST PORT COUNT     microseconds of one such connection from socket(2) to close(2), the median
//   connect-call-p50 HOST PORT COUNT    microseconds of connect(2) alone, the median
//   lookup NAME COUNT               microseconds of getaddrinfo(3) for IPv4, the median; a % in NAME is the number of
//                                   the look-up, from 1 on: each asks for a name that nobody has asked for
//   rtt HOST PORT COUNT             microseconds of 64 bytes there and back, the median
//   first-byte HOST PORT COUNT      microseconds from socket(2) to the first byte that came back, the median
//   open-close COUNT | read-write COUNT | getppid COUNT      nanoseconds of one such round, the median of 5
//   accept COUNT                    microseconds of accept(2) for a client inside, who is there already, the median
//   hold HOST PORT COUNT            that many connections at once, until standard input ends
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

double since(Clock::time_point start, double unit) {
  return std::chrono::duration<double>(Clock::now() - start).count() * unit;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

sockaddr_in address(const char* host, const char* port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  if (::inet_pton(AF_INET, host, &to.sin_addr) != 1) die("address");
  return to;
}

int dial(const sockaddr_in& to) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) die("connect");
  return fd;
}

// Without TIME_WAIT, so that many can follow one another.
void end(int fd) {
  const linger at_once{1, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  (void)::close(fd);
}

[[noreturn]] void serve(const char* port) {
  const int listener = ::socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int one = 1;
  const int off = 0;
  (void)::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  (void)::setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) die("bind");
  if (::listen(listener, 4096) != 0) die("listen");
  const int epoll = ::epoll_create1(0);
  auto watch = [epoll](int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    (void)::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  };
  watch(listener);
  std::array<epoll_event, 64> events;
  std::array<char, 65536> buffer;
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        for (int next; (next = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
          (void)::setsockopt(next, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          watch(next);
        }
        continue;
      }
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got > 0) (void)!::write(fd, buffer.data(), static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EAGAIN)) (void)::close(fd);
    }
  }
}

// What connect-rate counts and connect-p50 times.
void one_byte(const sockaddr_in& to) {
  const int fd = dial(to);
  char byte = 'x';
  if (::write(fd, &byte, 1) != 1 || ::read(fd, &byte, 1) != 1) die("a byte there and back");
  (void)::close(fd);
}

template <typename Round>
double rate(double seconds, int threads, Round round) {
  std::atomic<std::uint64_t> made{0};
  const auto start = Clock::now();
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i)
    all.emplace_back([&] {
      std::uint64_t mine = 0;
      for (; since(start, 1) < seconds; ++mine) round();
      made += mine;
    });
  for (std::thread& each : all) each.join();
  return static_cast<double>(made.load()) / since(start, 1);
}

double connect_p50(const sockaddr_in& to, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    one_byte(to);
    times.push_back(since(start, 1e6));
  }
  return median(times);
}

double connect_call_p50(const sockaddr_in& to, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto start = Clock::now();
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) die("connect");
    times.push_back(since(start, 1e6));
    end(fd);
  }
  return median(times);
}

double lookup(const std::string& pattern, int count) {
  const std::size_t place = pattern.find('%');
  std::vector<double> times;
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  for (int i = 0; i < count; ++i) {
    addrinfo* found = nullptr;
    std::string name = pattern;
    if (place != std::string::npos) name.replace(place, 1, std::to_string(i + 1));
    const auto start = Clock::now();
    if (::getaddrinfo(name.c_str(), "80", &hints, &found) != 0) die(name.c_str());
    times.push_back(since(start, 1e6));
    ::freeaddrinfo(found);
  }
  return median(times);
}

double round_trip(int fd) {
  std::array<char, 64> message{};
  const auto start = Clock::now();
  if (::write(fd, message.data(), message.size()) != 64) die("write");
  for (std::size_t have = 0; have < message.size();) {
    const ssize_t got = ::read(fd, message.data(), message.size());
    if (got <= 0) die("read");
    have += static_cast<std::size_t>(got);
  }
  return since(start, 1e6);
}

double rtt(const sockaddr_in& to, int count) {
  const int fd = dial(to);
  const int one = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  std::vector<double> times;
  for (int i = 0; i < count; ++i) times.push_back(round_trip(fd));
  return median(times);
}

double first_byte(const sockaddr_in& to, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    const int fd = dial(to);
    (void)round_trip(fd);
    times.push_back(since(start, 1e6));
    end(fd);
  }
  return median(times);
}

template <typename Round>
double nanoseconds(int count, Round round) {
  std::vector<double> times;
  for (int run = 0; run < 5; ++run) {
    const auto start = Clock::now();
    for (int i = 0; i < count; ++i) round();
    times.push_back(since(start, 1e9) / count);
  }
  return median(times);
}

double tax(const std::string& what, int count) {
  if (what == "open-close") return nanoseconds(count, [] { (void)::close(::open("/dev/null", O_RDONLY)); });
  if (what == "getppid") return nanoseconds(count, [] { (void)::syscall(SYS_getppid); });
  const int fd = ::memfd_create("net_load", 0);
  char byte = 0;
  return nanoseconds(count, [&] {
    (void)!::pwrite(fd, &byte, 1, 0);
    (void)!::pread(fd, &byte, 1, 0);
  });
}

double accept_p50(int count) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof to;
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&to), size) != 0 || ::listen(listener, 16) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&to), &size) != 0)
    die("listen");
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const int client = dial(to);
    const auto start = Clock::now();
    const int fd = ::accept(listener, nullptr, nullptr);
    times.push_back(since(start, 1e6));
    if (fd < 0) die("accept");
    end(client);
    (void)::close(fd);
  }
  return median(times);
}

void hold(const sockaddr_in& to, int count) {
  std::vector<int> all;
  for (int i = 0; i < count; ++i) all.push_back(dial(to));
  std::puts("held");
  (void)std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  for (int fd : all) (void)round_trip(fd);  // they all still work
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  auto number = [&](int at) { return std::atoi(argv[at]); };
  if (verb == "serve" && argc == 3) serve(argv[2]);
  if ((verb == "connect-rate" || verb == "connect-bare-rate") && argc == 6) {
    const sockaddr_in to = address(argv[2], argv[3]);
    const bool bare = verb == "connect-bare-rate";
    std::printf("%.1f\n", rate(std::atof(argv[4]), number(5), [&] { bare ? end(dial(to)) : one_byte(to); }));
  } else if (verb == "connect-p50" && argc == 5) {
    std::printf("%.2f\n", connect_p50(address(argv[2], argv[3]), number(4)));
  } else if (verb == "connect-call-p50" && argc == 5) {
    std::printf("%.2f\n", connect_call_p50(address(argv[2], argv[3]), number(4)));
  } else if (verb == "lookup" && argc == 4) {
    std::printf("%.2f\n", lookup(argv[2], number(3)));
  } else if (verb == "rtt" && argc == 5) {
    std::printf("%.2f\n", rtt(address(argv[2], argv[3]), number(4)));
  } else if (verb == "first-byte" && argc == 5) {
    std::printf("%.2f\n", first_byte(address(argv[2], argv[3]), number(4)));
  } else if (verb == "accept" && argc == 3) {
    std::printf("%.2f\n", accept_p50(number(2)));
  } else if (verb == "hold" && argc == 5) {
    hold(address(argv[2], argv[3]), number(4));
  } else if ((verb == "open-close" || verb == "read-write" || verb == "getppid") && argc == 3) {
    std::printf("%.1f\n", tax(verb, number(2)));
  } else {
    std::fputs("usage: see the head of tests/support/net_load.cc\n", stderr);
    return 2;
  }
}
