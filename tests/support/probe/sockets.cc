// SPDX-License-Identifier: Apache-2.0
// Options, servers, other kinds of sockets, interfaces.
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "tests/support/probe/probe.h"

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

namespace sublet::probe {
namespace {

int get(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  (void)::getsockopt(fd, level, name, &value, &size);
  return value;
}

void set(int fd, int level, int name, int value) { (void)::setsockopt(fd, level, name, &value, sizeof value); }

void dress(int fd) {
  set(fd, SOL_SOCKET, SO_RCVBUF, 50000);
  set(fd, SOL_SOCKET, SO_SNDBUF, 60000);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 77);
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 4321);
  set(fd, IPPROTO_TCP, TCP_SYNCNT, 3);
  set(fd, IPPROTO_IP, IP_TOS, 0x10);
  set(fd, IPPROTO_IP, IP_TTL, 61);
  const linger linger{1, 7};
  (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  const timeval sending{3, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &sending, sizeof sending);
  const timeval receiving{5, 500'000};
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receiving, sizeof receiving);
  (void)::fcntl(fd, F_SETOWN, ::getpid());
  (void)::fcntl(fd, F_SETSIG, SIGURG);
  (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_ASYNC);
}

std::string dress_of(int fd) {
  linger linger{};
  socklen_t size = sizeof linger;
  (void)::getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size);
  std::array<timeval, 2> times{};
  size = sizeof(timeval);
  (void)::getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &times[0], &size);
  (void)::getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &times[1], &size);
  return fmt::format(
      "{} {} {} {} {} {} {} {} {} {} {}/{} {} {}.{} {} {} {}", get(fd, SOL_SOCKET, SO_RCVBUF),
      get(fd, SOL_SOCKET, SO_SNDBUF), get(fd, SOL_SOCKET, SO_KEEPALIVE), get(fd, SOL_SOCKET, SO_REUSEADDR),
      get(fd, IPPROTO_TCP, TCP_NODELAY), get(fd, IPPROTO_TCP, TCP_KEEPIDLE), get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
      get(fd, IPPROTO_TCP, TCP_SYNCNT), get(fd, IPPROTO_IP, IP_TOS), get(fd, IPPROTO_IP, IP_TTL), linger.l_onoff,
      linger.l_linger, times[0].tv_sec, times[1].tv_sec, times[1].tv_usec, ::fcntl(fd, F_GETOWN) == ::getpid(),
      ::fcntl(fd, F_GETSIG) == SIGURG, (::fcntl(fd, F_GETFL) & O_ASYNC) != 0);
}

enum class End { kOutside, kInside, kBound, kListening };

std::string dressed(End end) {
  const InnerServer inner;
  const UniqueFd fd = tcp(AF_INET, SOCK_CLOEXEC);
  dress(fd.get());
  std::string seen;
  const Address any = at("127.0.0.1", 0);
  switch (end) {
    case End::kOutside: seen = dial(fd.get(), at(kServer, kEcho)); break;
    case End::kInside: seen = dial(fd.get(), at("127.0.0.1", inner.port())); break;
    case End::kBound: seen = name_of(::bind(fd.get(), any.get(), any.length)); break;
    case End::kListening: seen = name_of(::listen(fd.get(), 5)); break;
  }
  return fmt::format("{} {} {}", seen, dress_of(fd.get()), ::fcntl(fd.get(), F_GETFD));
}

constexpr const char* kDressed = "ok 100000 120000 1 1 1 77 4321 3 16 61 1/7 3 5.500000 true true true 1";

std::string modes(int domain, int flags, const Address& to) {
  const UniqueFd fd = tcp(domain, flags);
  (void)dial(fd.get(), to);
  (void)outcome(fd.get());
  return fmt::format("{} {}", (::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != 0, ::fcntl(fd.get(), F_GETFD));
}

std::string all_modes() {
  const InnerServer inner;
  std::string seen;
  for (const Address& to : {at(kServer, kEcho), at("127.0.0.1", inner.port())})
    for (int flags : {0, SOCK_NONBLOCK + 0, SOCK_CLOEXEC + 0, SOCK_NONBLOCK | SOCK_CLOEXEC})
      seen += modes(AF_INET, flags, to) + ",";
  return seen;
}

std::string serve_and_dial(bool bind) {
  const UniqueFd listener = tcp();
  std::string seen;
  const Address any = at("0.0.0.0", 0);
  if (bind) seen += name_of(::bind(listener.get(), any.get(), any.length)) + " ";
  const std::uint16_t bound = own_port(listener.get());
  seen += name_of(::listen(listener.get(), 5));
  const std::uint16_t port = own_port(listener.get());
  seen += port != 0 && (!bind || bound == port) ? " port" : " no port";
  const UniqueFd client = tcp();
  seen += " " + dial(client.get(), at("127.0.0.1", port));
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  const UniqueFd taken(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
  seen += ntohs(peer.sin_port) == own_port(client.get()) ? " its port" : " another port";
  (void)::send(client.get(), "ping", 4, 0);
  char word[4] = {};
  seen += ::recv(taken.get(), word, 4, 0) == 4 ? " heard" : " not heard";
  return seen + " " + own_address(client.get()) + " " + peer_address(taken.get());
}

std::string bind_errors() {
  const UniqueFd one = tcp();
  const UniqueFd two = tcp();
  const Address any = at("0.0.0.0", 0);
  std::string seen = name_of(::bind(one.get(), any.get(), any.length));
  seen += " " + name_of(::listen(one.get(), 1));
  const Address same = at("0.0.0.0", own_port(one.get()));
  seen += " " + name_of(::bind(two.get(), same.get(), same.length));
  seen += " " + name_of(::bind(one.get(), any.get(), any.length));
  const Address foreign = at("192.0.2.1", 0);
  seen += " " + name_of(::bind(two.get(), foreign.get(), foreign.length));
  const Address low = at("0.0.0.0", 80);  // root of the pod may
  seen += " " + name_of(::bind(two.get(), low.get(), low.length));
  seen += own_port(two.get()) == 80 ? " 80" : " another";
  const UniqueFd connected = tcp();
  (void)dial(connected.get(), at(kServer, kEcho));
  seen += " " + name_of(::bind(connected.get(), any.get(), any.length));
  return seen + " " + name_of(::listen(connected.get(), 1));
}

std::string bind_then_dial() {
  const UniqueFd fd = tcp();
  const Address any = at("0.0.0.0", 0);
  std::string seen = name_of(::bind(fd.get(), any.get(), any.length));
  const std::uint16_t port = own_port(fd.get());
  seen += " " + dial_and_echo(fd.get(), at(kServer, kEcho));
  return seen + (own_port(fd.get()) == port ? " same port" : " another port");
}

std::string datagrams() {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM, 0));
  const Address to = at(kServer, kEcho);
  std::string seen;
  for (bool connected : {false, true}) {
    if (connected) {
      seen += " " + dial(fd.get(), to);
      seen += " " + own_address(fd.get()) + " ";
    }
    (void)::sendto(fd.get(), "ping", 4, 0, connected ? nullptr : to.get(), connected ? 0 : to.length);
    pollfd poll{fd.get(), POLLIN, 0};
    char word[8];
    seen += ::poll(&poll, 1, 3000) == 1 && ::recv(fd.get(), word, sizeof word, 0) == 4 ? "echo" : "nothing";
  }
  return seen;
}

std::string interfaces() {
  std::string seen;
  for (int type : {SOCK_STREAM + 0, SOCK_DGRAM + 0}) {
    const UniqueFd fd(::socket(AF_INET, type, 0));
    std::array<ifreq, 8> list{};
    ifconf all{};
    all.ifc_len = sizeof list;
    all.ifc_req = list.data();
    seen += name_of(::ioctl(fd.get(), SIOCGIFCONF, &all));
    for (std::size_t i = 0; i < static_cast<std::size_t>(all.ifc_len) / sizeof(ifreq); ++i)
      seen += fmt::format(" {}", list[i].ifr_name);
    ifreq one{};
    std::strcpy(one.ifr_name, "eth0");  // the host's
    seen += " " + name_of(::ioctl(fd.get(), SIOCGIFINDEX, &one)) + ", ";
  }
  const UniqueFd connected = tcp();
  (void)dial(connected.get(), at(kServer, kEcho));
  ifreq one{};
  std::strcpy(one.ifr_name, "eth0");
  return seen + name_of(::ioctl(connected.get(), SIOCGIFINDEX, &one));
}

std::string marks() {
  const UniqueFd fd = tcp();
  const int mark = 7;
  std::string seen = name_of(::setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark));
  seen += fmt::format(" {}", get(fd.get(), SOL_SOCKET, SO_MARK));
  seen += " " + name_of(::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5));
  seen += " " + name_of(::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "tap0", 5));
  seen += " " + dial_and_echo(fd.get(), at(kServer, kEcho));
  seen += " " + own_address(fd.get());
  const UniqueFd other = tcp();
  const int on = 1;
  seen += " " + name_of(::setsockopt(other.get(), IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on));
  return seen + " " + name_of(::setsockopt(other.get(), SOL_SOCKET, SO_PRIORITY, &mark, sizeof mark));
}

std::string unbound() {
  // A socket has no name before it has done anything, and tells what it is.
  const UniqueFd fd = tcp(AF_INET6);
  return fmt::format("{} {} {} {} {}", own_port(fd.get()), get(fd.get(), SOL_SOCKET, SO_DOMAIN),
                     get(fd.get(), SOL_SOCKET, SO_TYPE), get(fd.get(), SOL_SOCKET, SO_PROTOCOL),
                     get(fd.get(), SOL_SOCKET, SO_ERROR));
}

constexpr Behaviour kBehaviours[] = {
    {"options, outside", [] { return dressed(End::kOutside); }, kDressed},
    {"options, inside", [] { return dressed(End::kInside); }, kDressed},
    {"options, bound", [] { return dressed(End::kBound); }, kDressed},
    {"options, listening", [] { return dressed(End::kListening); }, kDressed},
    {"O_NONBLOCK and FD_CLOEXEC", all_modes, "false 0,true 0,false 1,true 1,false 0,true 0,false 1,true 1,"},
    {"bind to port 0, listen, accept", [] { return serve_and_dial(true); },
     "ok ok port ok its port heard 127.0.0.1 127.0.0.1"},
    {"listen without bind", [] { return serve_and_dial(false); }, "ok port ok its port heard 127.0.0.1 127.0.0.1"},
    {"bind that cannot be", bind_errors, "ok ok EADDRINUSE EINVAL EADDRNOTAVAIL ok 80 EINVAL EINVAL"},
    {"bind, then connect", bind_then_dial, "ok ok echo same port"},
    {"UDP", datagrams, "echo ok 10.0.2.100 echo"},
    {"interfaces", interfaces, "ok lo tap0 ENODEV, ok lo tap0 ENODEV, ENODEV"},
    {"SO_MARK and SO_BINDTODEVICE", marks, "ok 7 ENODEV ok ok echo 10.0.2.100 ok ok"},
    {"a new socket", unbound, "0 10 1 6 0"},
};

}  // namespace

std::span<const Behaviour> socket_behaviours() { return kBehaviours; }

}  // namespace sublet::probe
