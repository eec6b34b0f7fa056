// SPDX-License-Identifier: Apache-2.0
// Programs that listen in a pod, as clients from outside find them by a port of the host.
#include "tests/support/probe/door.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace sublet::probe {

Calling::Calling(std::uint16_t port, int count, int threads, const char* mode, Caller caller) : asked_(tcp()) {
  const Address control = at(caller.from, kDials);
  const timeval limit{20, 0};
  (void)::setsockopt(asked_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(asked_.get(), control.get(), control.length) != 0) return;
  const std::string line = fmt::format("{} {} {} {} {}\n", caller.to, port + 1000, count, threads, mode);
  (void)::send(asked_.get(), line.data(), line.size(), MSG_NOSIGNAL);
}

std::string Calling::told() {
  std::string text;
  char buffer[256];
  for (ssize_t count = 0; (count = ::recv(asked_.get(), buffer, sizeof buffer, 0)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  return text.empty() ? "no answer" : text;
}

Server::Server(std::uint16_t port, int flags, const char* address, int backlog) : port_(port) {
  const Address local = at(address, port);
  listener_ = tcp(local.storage.ss_family, flags);
  const int on = 1;
  (void)::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  (void)::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (::bind(listener_.get(), local.get(), local.length) != 0 || ::listen(listener_.get(), backlog) != 0)
    listener_.reset();
}

bool echo_all(int fd) {
  char buffer[512];
  for (;;) {
    const ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
    if (count <= 0) return count == 0;
    if (::send(fd, buffer, static_cast<std::size_t>(count), MSG_NOSIGNAL) != count) return false;
  }
}

bool is_readable(int fd, int timeout_ms) {
  pollfd poll{fd, POLLIN, 0};
  return ::poll(&poll, 1, timeout_ms) == 1;
}

namespace {

// Who it is, by what accept says and by what is asked afterwards.
struct Accepted {
  UniqueFd fd;
  std::string from;
};

Accepted accept_from(int listener, int flags = 0) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  Accepted accepted;
  accepted.fd = UniqueFd(::accept4(listener, reinterpret_cast<sockaddr*>(&name), &size, flags));
  if (!accepted.fd) {
    accepted.from = name_of(-1);
    return accepted;
  }
  char text[INET6_ADDRSTRLEN] = "?";
  const void* address = name.ss_family == AF_INET
                            ? static_cast<const void*>(&reinterpret_cast<sockaddr_in&>(name).sin_addr)
                            : static_cast<const void*>(&reinterpret_cast<sockaddr_in6&>(name).sin6_addr);
  (void)::inet_ntop(name.ss_family, address, text, sizeof text);
  accepted.from = text;
  const bool same = accepted.from == peer_address(accepted.fd.get());
  const bool sized = size == (name.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
  accepted.from += fmt::format("{}{} at {}", same ? "" : " but " + peer_address(accepted.fd.get()),
                               sized ? "" : " of a wrong size", own_address(accepted.fd.get()));
  return accepted;
}

// One after the other, as simple servers do.
std::string accept_in_turn(const Server& server, int count, Calling& calling) {
  std::string from;
  for (int i = 0; i < count; ++i) {
    const Accepted accepted = accept_from(server.fd());
    if (!accepted.fd) return accepted.from;
    from = accepted.from;
    (void)echo_all(accepted.fd.get());
  }
  return from + ", " + calling.told();
}

std::string blocking() {
  const Server server(kFirstDoor + 0);
  Calling calling(server.port(), 50, 4, "echo");
  return accept_in_turn(server, 50, calling);
}

std::string of_ipv6() {
  const Server server(kFirstDoor + 1, 0, "::");
  Calling four(server.port(), 3, 1, "echo");
  std::string seen = accept_in_turn(server, 3, four);
  Calling six(server.port(), 3, 1, "echo", {kServer, kHost6});
  return seen + "; " + accept_in_turn(server, 3, six);
}

// IPv4 alone: a client of IPv6 can't be shown to it as what it is.
std::string ipv6_at_ipv4() {
  const Server server(kFirstDoor + 2);
  Calling six(server.port(), 3, 1, "echo", {kServer, kHost6});
  return accept_in_turn(server, 3, six);
}

template <typename Wait>
std::string waiting_by(std::uint16_t port, Wait wait) {
  const Server server(port, SOCK_NONBLOCK);
  Calling calling(port, 50, 4, "echo");
  std::string from;
  for (int taken = 0; taken < 50;) {
    if (!wait(server.fd())) return "not woken";
    const Accepted accepted = accept_from(server.fd());
    if (!accepted.fd && accepted.from == "EAGAIN") continue;
    if (!accepted.fd) return accepted.from;
    from = accepted.from;
    ++taken;
    (void)echo_all(accepted.fd.get());
  }
  // All are here; nothing wakes for nothing.
  std::string seen = from + ", " + calling.told();
  return seen + (is_readable(server.fd(), 20) ? " readable" : "") + " " + accept_from(server.fd()).from;
}

std::string by_poll() {
  return waiting_by(kFirstDoor + 3, [](int fd) { return is_readable(fd); });
}

std::string by_select() {
  return waiting_by(kFirstDoor + 4, [](int fd) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    timeval limit{5, 0};
    return ::select(fd + 1, &set, nullptr, nullptr, &limit) == 1;
  });
}

// One loop for the listener and all connections; `edge`: it takes all that is there each time.
int event_loop(int listener, bool edge, int connections, int quiet_ms) {
  const UniqueFd set(::epoll_create1(EPOLL_CLOEXEC));
  auto watch = [&](int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    (void)::epoll_ctl(set.get(), EPOLL_CTL_ADD, fd, &event);
  };
  watch(listener, EPOLLIN | (edge ? EPOLLET : 0U));
  int taken = 0;
  int ended = 0;
  while (ended < connections) {
    epoll_event event{};
    if (::epoll_wait(set.get(), &event, 1, quiet_ms) != 1) break;
    const int fd = event.data.fd;
    if (fd == listener) {
      do {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) break;
        ++taken;
        watch(accepted, EPOLLIN);
      } while (edge);
      continue;
    }
    char buffer[512];
    const ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
    if (count < 0 && errno == EAGAIN) continue;
    if (count > 0) (void)::send(fd, buffer, static_cast<std::size_t>(count), MSG_NOSIGNAL);
    if (count > 0) continue;
    (void)::close(fd);
    ++ended;
  }
  return taken;
}

std::string by_epoll(std::uint16_t port, bool edge) {
  const Server server(port, SOCK_NONBLOCK);
  Calling calling(port, 200, 8, "echo");
  const int taken = event_loop(server.fd(), edge, 200, 5000);
  return fmt::format("{} taken, {}", taken, calling.told());
}

// Each worker with a listener of its own, or all with the same one, in a loop or in accept.
std::string workers(std::uint16_t port, bool own_listeners, bool looping) {
  Server server(port, looping ? SOCK_NONBLOCK : 0);
  constexpr int kWorkers = 4;
  if (own_listeners) server.close();
  std::vector<pid_t> all;
  for (int i = 0; i < kWorkers; ++i) {
    const pid_t child = ::fork();
    if (child != 0) {
      all.push_back(child);
      continue;
    }
    if (own_listeners) server = Server(port, looping ? SOCK_NONBLOCK : 0);
    if (looping) ::_exit(event_loop(server.fd(), false, 1 << 20, 3000) > 0 ? 0 : 1);
    for (;;) {
      const UniqueFd accepted(::accept(server.fd(), nullptr, nullptr));
      (void)echo_all(accepted.get());
    }
  }
  nap(own_listeners ? 200 : 0);
  Calling calling(port, 200, 8, "echo");
  std::string seen = calling.told();
  int bad = 0;
  for (const pid_t child : all) {
    int status = 0;
    if (!looping) (void)::kill(child, SIGKILL);
    (void)::waitpid(child, &status, 0);
    if (looping && status != 0) ++bad;
  }
  return seen + fmt::format(" idle {}", bad);
}

// As systemd gives it: descriptor 3 of a program that never called listen.
std::string inherited() {
  const Server server(kFirstDoor + 10);
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::dup2(server.fd(), 3);
    (void)::execl("/proc/self/exe", "bypass_probe", "serve-inherited", nullptr);
    ::_exit(1);
  }
  Calling calling(server.port(), 20, 2, "echo");
  std::string seen = calling.told();
  (void)::kill(child, SIGKILL);
  (void)::waitpid(child, nullptr, 0);
  return seen;
}

std::string copied() {
  Server server(kFirstDoor + 11);
  const UniqueFd copy(::dup(server.fd()));
  server.close();
  Calling calling(server.port(), 5, 1, "echo");
  for (int i = 0; i < 5; ++i) (void)echo_all(accept_from(copy.get()).fd.get());
  return calling.told();
}

std::string flags_of(int fd) {
  return fmt::format("{}{}", (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 ? "n" : "-",
                     (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 ? "c" : "-");
}

std::string flags() {
  const Server server(kFirstDoor + 12);
  Calling calling(server.port(), 5, 1, "gone");
  std::string seen;
  for (int flags : {0, int{SOCK_NONBLOCK}, int{SOCK_CLOEXEC}, SOCK_NONBLOCK | SOCK_CLOEXEC})
    seen += flags_of(UniqueFd(::accept4(server.fd(), nullptr, nullptr, flags)).get()) + " ";
  seen += flags_of(UniqueFd(::accept(server.fd(), nullptr, nullptr)).get()) + " ";
  seen += name_of(::accept4(server.fd(), nullptr, nullptr, 1)) + " ";
  return seen + flags_of(server.fd()) + " " + calling.told();
}

// What accept(2) does with places for the address that are none, or too small.
std::string address_places() {
  const Server server(kFirstDoor + 13);
  const int port = server.port();
  std::string seen;
  auto try_with = [&](sockaddr* name, socklen_t* size) {
    Calling calling(static_cast<std::uint16_t>(port), 1, 1, "gone");
    const UniqueFd accepted(::accept(server.fd(), name, size));
    return name_of(accepted ? 0 : -1);
  };
  sockaddr_storage name{};
  auto* place = reinterpret_cast<sockaddr*>(&name);
  for (int room : {128, 16, 15, 4, 0, -1}) {
    std::memset(&name, 0x5a, sizeof name);
    auto size = static_cast<socklen_t>(room);
    seen += try_with(place, &size);
    int written = 0;
    for (const char byte : std::string_view(reinterpret_cast<const char*>(&name), sizeof name))
      if (byte != 0x5a) ++written;
    seen += fmt::format(" {} {}, ", static_cast<int>(size),
                        written > 0 ? name.ss_family == AF_INET ? "inet" : "bytes" : "nothing");
  }
  socklen_t size = sizeof name;
  auto* nowhere = reinterpret_cast<sockaddr*>(8);
  seen += try_with(nowhere, &size) + " ";
  seen += try_with(place, reinterpret_cast<socklen_t*>(8)) + " ";
  seen += try_with(place, nullptr) + " ";
  seen += try_with(nullptr, reinterpret_cast<socklen_t*>(8)) + " ";
  // And it still works.
  Calling calling(server.port(), 1, 1, "echo");
  return seen + accept_in_turn(server, 1, calling);
}

std::string other_sockets() {
  const Server server(kFirstDoor + 14, SOCK_NONBLOCK);
  std::string seen = name_of(::accept(-1, nullptr, nullptr)) + " " + name_of(::accept(0, nullptr, nullptr));
  seen += " " + name_of(::accept(UniqueFd(::socket(AF_INET, SOCK_DGRAM, 0)).get(), nullptr, nullptr));
  seen += " " + name_of(::accept(tcp().get(), nullptr, nullptr));
  int pair[2] = {-1, -1};
  (void)::socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  seen += " " + name_of(::accept(pair[0], nullptr, nullptr));
  // One that is connected, at the very port.
  Calling calling(server.port(), 1, 1, "gone");
  (void)is_readable(server.fd());
  const UniqueFd accepted(::accept(server.fd(), nullptr, nullptr));
  seen += " " + name_of(::accept(accepted.get(), nullptr, nullptr));
  (void)::close(pair[0]);
  (void)::close(pair[1]);
  return seen;
}

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  (void)::getsockopt(fd, level, name, &value, &size);
  return value;
}

std::string options() {
  const Server server(kFirstDoor + 15);
  auto set = [&](int level, int name, int value) {
    (void)::setsockopt(server.fd(), level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 77);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 7);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 12345);
  set(SOL_SOCKET, SO_RCVBUF, 50000);
  set(IPPROTO_IP, IP_TOS, 0x10);
  const linger linger{1, 3};
  (void)::setsockopt(server.fd(), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  const timeval limit{9, 0};
  (void)::setsockopt(server.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  Calling calling(server.port(), 1, 1, "gone");
  const Accepted accepted = accept_from(server.fd());
  const int fd = accepted.fd.get();
  struct linger has {};
  socklen_t size = sizeof has;
  (void)::getsockopt(fd, SOL_SOCKET, SO_LINGER, &has, &size);
  timeval time{};
  size = sizeof time;
  (void)::getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &size);
  return fmt::format("{} {} {} {} {} {} {} {} {}", option(fd, IPPROTO_TCP, TCP_NODELAY),
                     option(fd, SOL_SOCKET, SO_KEEPALIVE), option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
                     option(fd, IPPROTO_TCP, TCP_KEEPINTVL), option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
                     option(fd, SOL_SOCKET, SO_RCVBUF), option(fd, IPPROTO_IP, IP_TOS), has.l_linger, time.tv_sec);
}

std::string half_closed() {
  std::string seen;
  for (const char* address : {"0.0.0.0", "::"}) {
    const Server server(address[0] == '0' ? kFirstDoor + 16 : kFirstDoor + 17, 0, address);
    Calling calling(server.port(), 20, 4, "half");
    for (int i = 0; i < 20; ++i) (void)echo_all(accept_from(server.fd()).fd.get());
    seen += calling.told() + " ";
  }
  return seen;
}

std::string banner() {
  const Server server(kFirstDoor + 18);
  Calling calling(server.port(), 10, 2, "banner");
  for (int i = 0; i < 10; ++i) {
    const Accepted accepted = accept_from(server.fd());
    (void)::send(accepted.fd.get(), "hello", 5, MSG_NOSIGNAL);
    (void)echo_all(accepted.fd.get());
  }
  return calling.told();
}

std::string deferring() {
  const Server server(kFirstDoor + 19);
  const int seconds = 5;
  (void)::setsockopt(server.fd(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
  Calling calling(server.port(), 20, 4, "echo");
  const Stopwatch watch;
  std::string seen = accept_in_turn(server, 20, calling);
  return seen + (watch.ms() < 3000 ? "" : " late");
}

// Clients of the pod itself, as many from outside, and nobody gets another's.
std::string mixed() {
  const Server server(kFirstDoor + 20, SOCK_NONBLOCK);
  constexpr int kEach = 1000;
  Calling calling(server.port(), kEach, 8, "echo");
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (const char* address : {"127.0.0.1", kPod, "127.0.0.1", kPod})
    clients.emplace_back([&, address] {
      for (int i = 0; i < kEach / 4; ++i) {
        const UniqueFd fd = tcp();
        const std::string word = fmt::format("inside {} {}", address, i);
        char heard[64] = {};
        const Address to = at(address, server.port());
        if (::connect(fd.get(), to.get(), to.length) != 0) continue;
        (void)::send(fd.get(), word.data(), word.size(), MSG_NOSIGNAL);
        if (!is_readable(fd.get())) continue;
        const ssize_t count = ::recv(fd.get(), heard, sizeof heard, 0);
        if (count > 0 && word == std::string_view(heard, static_cast<std::size_t>(count))) ++good;
      }
    });
  const int taken = event_loop(server.fd(), false, 2 * kEach, 5000);
  for (std::thread& each : clients) each.join();
  return fmt::format("{} taken, inside {}, {}", taken, good.load(), calling.told());
}

// A call that the filter leaves alone: the doorbell itself is accepted, and carries the bytes.
std::string without_us() {
#ifdef __x86_64__
  const Server server(kFirstDoor + 21);
  Calling calling(server.port(), 10, 2, "echo");
  for (int i = 0; i < 10; ++i) {
    long result = 364;  // accept4 of i386
    asm volatile("int $0x80"
                 : "+a"(result)
                 : "b"(server.fd()), "c"(0), "d"(0), "S"(0)
                 : "memory", "r8", "r9", "r10", "r11");
    const UniqueFd accepted(static_cast<int>(result));
    if (!accepted) return "no accept";
    if (peer_address(accepted.get()) != kPod) return "not the doorbell: " + peer_address(accepted.get());
    (void)echo_all(accepted.get());
  }
  return calling.told();
#else
  return "ok 10 bad 0";
#endif
}

// By the host's loopback: relayed where the kernel asks for a privilege (Doors::guard()), and served in any case.
std::string by_the_hosts_loopback() {
  const Server server(kFirstDoor + 22);
  Calling loopback(server.port(), 10, 2, "echo", {kHost, "127.0.0.1"});
  for (int i = 0; i < 10; ++i) (void)echo_all(accept_from(server.fd()).fd.get());
  std::string seen = loopback.told() + "; ";
  // By the host's own address, it is the host that one sees.
  Calling own(server.port(), 10, 2, "echo", {kHost, kHost});
  return seen + accept_in_turn(server, 10, own);
}

constexpr Behaviour kBehaviours[] = {
    {"accept that waits", blocking, "192.0.2.2 at 192.0.2.1, ok 50 bad 0"},
    {"a listener of IPv6", of_ipv6,
     "::ffff:192.0.2.2 at ::ffff:192.0.2.1, ok 3 bad 0; 2001:db8::2 at 2001:db8::1, ok 3 bad 0"},
    {"a client of IPv6 at a listener of IPv4", ipv6_at_ipv4, "10.0.2.100 at 10.0.2.100, ok 3 bad 0"},
    {"accept by poll", by_poll, "192.0.2.2 at 192.0.2.1, ok 50 bad 0 EAGAIN"},
    {"accept by select", by_select, "192.0.2.2 at 192.0.2.1, ok 50 bad 0 EAGAIN"},
    {"accept by epoll", [] { return by_epoll(kFirstDoor + 5, false); }, "200 taken, ok 200 bad 0"},
    {"accept by epoll, at the edge", [] { return by_epoll(kFirstDoor + 6, true); }, "200 taken, ok 200 bad 0"},
    {"workers, each with a listener", [] { return workers(kFirstDoor + 7, true, true); }, "ok 200 bad 0 idle 0"},
    {"workers with one listener", [] { return workers(kFirstDoor + 8, false, true); }, "ok 200 bad 0 idle 0"},
    {"workers that wait in accept", [] { return workers(kFirstDoor + 9, false, false); }, "ok 200 bad 0 idle 0"},
    {"a listener that was inherited", inherited, "ok 20 bad 0"},
    {"a copy of the listener", copied, "ok 5 bad 0"},
    {"flags of accept4", flags, "-- n- -c nc -- EINVAL -- ok 5 bad 0"},
    {"places for the client's address", address_places,
     "ok 16 inet, ok 16 inet, ok 16 inet, ok 16 inet, ok 16 nothing, EINVAL -1 nothing, EFAULT EFAULT EFAULT ok "
     "192.0.2.2 at 192.0.2.1, ok 1 bad 0"},
    {"accept on what does not listen", other_sockets, "EBADF ENOTSOCK EOPNOTSUPP EINVAL EINVAL EINVAL"},
    {"options that are inherited", options, "1 1 77 7 12345 100000 16 3 9"},
    {"a client that has ended its side", half_closed, "ok 20 bad 0 ok 20 bad 0 "},
    {"a server that speaks first", banner, "ok 10 bad 0"},
    {"TCP_DEFER_ACCEPT", deferring, "192.0.2.2 at 192.0.2.1, ok 20 bad 0"},
    {"clients inside and outside at once", mixed, "2000 taken, inside 1000, ok 1000 bad 0"},
    {"accept by a call of 32 bits", without_us, "ok 10 bad 0"},
    {"clients on the host itself", by_the_hosts_loopback, "ok 10 bad 0; 192.0.2.1 at 192.0.2.1, ok 10 bad 0"},
};

}  // namespace

int serve_inherited() {
  for (;;) {
    const UniqueFd accepted(::accept(3, nullptr, nullptr));
    if (!accepted) return 1;
    (void)echo_all(accepted.get());
  }
}

std::span<const Behaviour> door_behaviours() { return kBehaviours; }

}  // namespace sublet::probe
