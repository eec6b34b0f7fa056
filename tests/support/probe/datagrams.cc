// SPDX-License-Identifier: Apache-2.0
// UDP sockets, connected: the host's at level «fast-udp», the pod's at all others.
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/support/probe/probe.h"

namespace sublet::probe {
namespace {

UniqueFd udp(int domain = AF_INET, int flags = 0) { return UniqueFd(::socket(domain, SOCK_DGRAM | flags, 0)); }

std::string await_word(int fd) {
  pollfd poll{fd, POLLIN, 0};
  char word[16];
  if (::poll(&poll, 1, 3000) != 1) return "nothing";
  return ::recv(fd, word, sizeof word, 0) == 4 ? "echo" : "another";
}

std::string say(int fd) { return ::send(fd, "ping", 4, 0) == 4 ? await_word(fd) : "no send"; }

// One after the other: the operands of + are evaluated in any order.
std::string dial_and_say(int fd, const Address& to) {
  std::string seen = dial(fd, to);
  return seen += " " + say(fd);
}

std::string send_to(int fd, const Address& to) {
  return ::sendto(fd, "ping", 4, 0, to.get(), to.length) == 4 ? "sent" : "no send";
}

std::string send_named(int fd, Address to) {
  char word[] = "ping";
  iovec part{word, 4};
  msghdr message{};
  message.msg_name = &to.storage;
  message.msg_namelen = to.length;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return ::sendmsg(fd, &message, 0) == 4 ? "sent" : "no send";
}

// Bound to the pod's loopback.
struct Inner {
  UniqueFd socket = udp();
  Address address = at("127.0.0.1", 0);
  Inner() {
    (void)::bind(socket.get(), address.get(), address.length);
    address = at("127.0.0.1", own_port(socket.get()));
  }
  [[nodiscard]] std::string heard() const { return await_word(socket.get()); }
};

std::string there_and_back(const char* address, int domain) {
  const UniqueFd fd = udp(domain);
  std::string seen = dial(fd.get(), at(address, kEcho));
  seen += " " + say(fd.get());
  return seen + " " + peer_address(fd.get());
}

std::string which_address_of_mine() {
  const UniqueFd fd = udp();
  (void)dial(fd.get(), at(kServer, 0));
  return own_address(fd.get());
}

std::string in_a_set() {
  const UniqueFd set(::epoll_create1(EPOLL_CLOEXEC));
  const UniqueFd fd = udp(AF_INET, SOCK_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = 77;
  (void)::epoll_ctl(set.get(), EPOLL_CTL_ADD, fd.get(), &event);
  std::string seen = dial(fd.get(), at(kServer, kEcho));
  (void)::send(fd.get(), "ping", 4, 0);
  epoll_event got{};
  seen += ::epoll_wait(set.get(), &got, 1, 3000) == 1 && got.data.u64 == 77 ? " event" : " no event";
  seen += " " + name_of(::epoll_ctl(set.get(), EPOLL_CTL_DEL, fd.get(), nullptr));
  return seen + " " + await_word(fd.get());
}

std::string from_one_to_the_other() {
  const Inner inner;
  const UniqueFd fd = udp();
  std::string seen = dial_and_say(fd.get(), at(kServer, kEcho));
  seen += " " + dial(fd.get(), inner.address);
  (void)::send(fd.get(), "ping", 4, 0);
  seen += " " + inner.heard();
  seen += " " + dial_and_say(fd.get(), at(kServer, kEcho));
  return seen;
}

std::string let_go() {
  const UniqueFd fd = udp();
  Address nothing;
  nothing.storage.ss_family = AF_UNSPEC;
  nothing.length = sizeof(sockaddr_in);
  std::string seen = dial(fd.get(), at(kServer, kEcho));
  seen += " " + dial(fd.get(), nothing);
  seen += " " + name_of(static_cast<int>(::send(fd.get(), "ping", 4, 0)));
  return seen + " " + dial_and_say(fd.get(), at(kServer, kEcho));
}

// What names a peer of its own does not go to the one that the socket is connected to.
std::string to_somebody_else() {
  const Inner inner;
  const UniqueFd fd = udp();
  std::string seen = dial_and_say(fd.get(), at(kServer, kEcho));
  seen += " " + send_to(fd.get(), inner.address);
  seen += " " + inner.heard();
  seen += " " + say(fd.get());  // and the one it is connected to still is
  return seen + " " + peer_address(fd.get());
}

std::string bound_before() {
  const UniqueFd fd = udp();
  const Address any = at("0.0.0.0", 0);
  std::string seen = name_of(::bind(fd.get(), any.get(), any.length));
  const std::uint16_t port = own_port(fd.get());
  seen += " " + dial_and_say(fd.get(), at(kServer, kEcho));
  return seen + (own_port(fd.get()) == port ? " same port" : " another port");
}

std::string afterwards() {
  const UniqueFd fd = udp();
  (void)dial(fd.get(), at(kServer, kEcho));
  const Address any = at("0.0.0.0", 0);
  std::string seen = name_of(::bind(fd.get(), any.get(), any.length));
  return seen + " " + name_of(::listen(fd.get(), 1));
}

std::string kept() {
  const UniqueFd fd = udp(AF_INET, SOCK_NONBLOCK | SOCK_CLOEXEC);
  const UniqueFd twin(::fcntl(fd.get(), F_DUPFD, 0));
  const int tos = IPTOS_LOWDELAY;
  const int one = 1;
  (void)::setsockopt(fd.get(), IPPROTO_IP, IP_TOS, &tos, sizeof tos);
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
  (void)dial(fd.get(), at(kServer, kEcho));
  std::string seen;
  for (const auto& [level, name] : {std::pair(IPPROTO_IP + 0, IP_TOS), std::pair(SOL_SOCKET, SO_BROADCAST)}) {
    int value = 0;
    socklen_t size = sizeof value;
    (void)::getsockopt(fd.get(), level, name, &value, &size);
    seen += fmt::format("{} ", value);
  }
  char byte = 0;
  seen += name_of(static_cast<int>(::recv(fd.get(), &byte, 1, 0)));
  seen += (::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0 ? " cloexec" : " open";
  seen += (::fcntl(twin.get(), F_GETFD) & FD_CLOEXEC) != 0 ? " cloexec" : " open";
  return seen + " " + say(twin.get());
}

std::string many() {
  int good = 0;
  constexpr int kMany = 200;
  for (int i = 0; i < kMany; ++i) {
    const UniqueFd fd = udp();
    if (dial(fd.get(), at(kServer, kEcho)) == "ok" && say(fd.get()) == "echo") ++good;
  }
  return fmt::format("{}", good);
}

// Towards the host's loopback, where a canary is: by every call that can name it.
std::string to_the_host() {
  for (const char* each : {"127.0.0.1", "127.0.0.53", "0.0.0.0", "::1", "::ffff:127.0.0.1"}) {
    const Address canary = at(each, kCanary);
    const int domain = canary.storage.ss_family;
    for (bool reused : {false, true}) {
      const UniqueFd fd = udp(domain);
      if (reused) (void)dial(fd.get(), at(domain == AF_INET ? kServer : kServer6, kEcho));
      (void)send_to(fd.get(), canary);
      const UniqueFd other = udp(domain);
      (void)dial(other.get(), at(domain == AF_INET ? kServer : kServer6, kEcho));
      (void)send_named(other.get(), canary);
      const UniqueFd third = udp(domain);
      (void)dial(third.get(), at(domain == AF_INET ? kServer : kServer6, kEcho));
      (void)dial(third.get(), canary);
      (void)::send(third.get(), "ping", 4, 0);
      const UniqueFd fourth = udp(domain);
      (void)dial(fourth.get(), at(domain == AF_INET ? kServer : kServer6, kEcho));
      Address nothing;
      nothing.storage.ss_family = AF_UNSPEC;
      nothing.length = sizeof(sockaddr_in);
      (void)dial(fourth.get(), nothing);
      (void)send_named(fourth.get(), canary);
    }
  }
  return "done";
}

}  // namespace

std::span<const Behaviour> datagram_behaviours() {
  static const Behaviour kAll[] = {
      {"a connected datagram socket", [] { return there_and_back(kServer, AF_INET); }, "ok echo 192.0.2.2"},
      {"the same by IPv6", [] { return there_and_back(kServer6, AF_INET6); }, "ok echo 2001:db8::2"},
      {"which address of mine would be used", which_address_of_mine, "10.0.2.100"},
      {"in an epoll set before", in_a_set, "ok event ok echo"},
      {"connected outside, inside, outside", from_one_to_the_other, "ok echo ok echo ok echo"},
      {"connected, let go, connected", let_go, "ok ok EDESTADDRREQ ok echo"},
      {"connected, and sent to another one", to_somebody_else, "ok echo sent echo echo 192.0.2.2"},
      {"bound before", bound_before, "ok ok echo same port"},
      {"bind and listen afterwards", afterwards, "EINVAL EOPNOTSUPP"},
      {"options, flags and copies", kept, "16 1 EAGAIN cloexec open echo"},
      {"many, one after the other", many, "200"},
      {"the host's loopback", to_the_host, "done"},
  };
  return kAll;
}

}  // namespace sublet::probe
