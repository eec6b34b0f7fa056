// SPDX-License-Identifier: Apache-2.0
// connect(2) in its states.
#include <netinet/in.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/support/probe/probe.h"

namespace sublet::probe {
namespace {

std::string with_echo(const char* address, std::uint16_t port, int domain = AF_INET) {
  const UniqueFd fd = tcp(domain);
  const std::string dialled = dial(fd.get(), at(address, port));
  return dialled == "ok" ? echo(fd.get()) : dialled;
}

void limit_ms(int fd, int ms) {
  const timeval time{ms / 1000, (ms % 1000) * 1000};
  (void)::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

std::string again_same_fd(const Address& first, const Address& second) {
  const UniqueFd fd = tcp();
  std::string seen = dial(fd.get(), first);
  seen += " " + dial(fd.get(), second);
  return seen + " " + echo(fd.get());
}

std::string time_limit() {
  const UniqueFd fd = tcp();
  limit_ms(fd.get(), 200);
  const Stopwatch watch;
  std::string seen = dial(fd.get(), at(kBlackhole, kEcho));
  seen += watch.ms() >= 180 && watch.ms() < 2500 ? " in time" : " at " + std::to_string(watch.ms());
  return seen + " " + dial(fd.get(), at(kBlackhole, kEcho));
}

std::string nonblocking(const Address& to, bool select) {
  const UniqueFd fd = tcp(to.storage.ss_family, SOCK_NONBLOCK);
  std::string seen = dial(fd.get(), to);
  if (seen == "ok") seen = "EINPROGRESS";  // loopback may be so quick
  if (select) {
    fd_set writable;
    FD_ZERO(&writable);
    FD_SET(fd.get(), &writable);
    timeval patience{4, 0};
    seen += ::select(fd.get() + 1, nullptr, &writable, nullptr, &patience) == 1 ? " selected" : " late";
  }
  seen += " " + outcome(fd.get());
  return seen;
}

std::string nonblocking_then_again() {
  const UniqueFd fd = tcp(AF_INET, SOCK_NONBLOCK);
  const Address to = at(kServer, kEcho);
  std::string seen = dial(fd.get(), to);
  pollfd poll{fd.get(), POLLOUT, 0};
  (void)::poll(&poll, 1, 4000);
  seen += " " + dial(fd.get(), to);
  seen += " " + dial(fd.get(), to);
  return seen + " " + echo(fd.get());
}

std::string nonblocking_refused() {
  const UniqueFd fd = tcp(AF_INET, SOCK_NONBLOCK);
  const Address closed = at(kServer, kClosed);
  std::string seen = dial(fd.get(), closed);
  pollfd poll{fd.get(), POLLOUT, 0};
  (void)::poll(&poll, 1, 4000);
  seen += (poll.revents & POLLERR) != 0 && (poll.revents & POLLHUP) != 0 ? " err+hup" : " neither";
  seen += " " + outcome(fd.get());
  seen += " " + outcome(fd.get());  // SO_ERROR is told once
  seen += " " + dial(fd.get(), at(kServer, kEcho));
  return seen;
}

std::string twice() {
  const UniqueFd fd = tcp();
  std::string seen = dial(fd.get(), at(kServer, kEcho));
  seen += " " + dial(fd.get(), at(kServer, kEcho));
  seen += " " + dial(fd.get(), at("127.0.0.1", kEcho));
  return seen + " " + echo(fd.get());
}

std::string twice_under_way() {
  const UniqueFd fd = tcp(AF_INET, SOCK_NONBLOCK);
  std::string seen = dial(fd.get(), at(kBlackhole, kEcho));
  seen += " " + dial(fd.get(), at(kBlackhole, kEcho));
  seen += " " + dial(fd.get(), at("127.0.0.1", kEcho));
  return seen;
}

std::string undone(const Address& second) {
  const UniqueFd fd = tcp();
  std::string seen = dial_and_echo(fd.get(), at(kServer, kEcho));
  Address nothing;
  nothing.storage.ss_family = AF_UNSPEC;
  nothing.length = sizeof(sockaddr_in);
  seen += " " + dial(fd.get(), nothing);
  seen += " " + peer_address(fd.get());
  seen += " " + dial(fd.get(), second);
  return seen + " " + echo(fd.get());
}

std::string wrong_family() {
  const UniqueFd four = tcp();
  const UniqueFd six = tcp(AF_INET6);
  std::string seen = dial(four.get(), at(kServer6, kEcho));
  seen += " " + dial(six.get(), at(kServer, kEcho));
  seen += " " + dial(six.get(), at("127.0.0.1", kEcho));
  Address unix_name;
  unix_name.storage.ss_family = AF_UNIX;
  unix_name.length = 16;
  return seen + " " + dial(four.get(), unix_name);
}

std::string v6_only() {
  const UniqueFd fd = tcp(AF_INET6);
  const int on = 1;
  (void)::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  return dial(fd.get(), at("::ffff:192.0.2.2", kEcho));
}

std::string loopbacks() {
  std::string seen;
  const InnerServer four("127.0.0.1");
  const InnerServer six("::1");
  const InnerServer any("0.0.0.0");
  const InnerServer any6("::");
  seen += with_echo("127.0.0.1", four.port()) + " ";
  seen += with_echo("0.0.0.0", four.port()) + " ";
  seen += with_echo("::1", six.port(), AF_INET6) + " ";
  seen += with_echo("::", six.port(), AF_INET6) + " ";
  seen += with_echo("127.9.8.7", any.port()) + " ";
  seen += with_echo(kPod, any.port()) + " ";
  seen += with_echo("::ffff:127.0.0.1", any.port(), AF_INET6) + " ";
  seen += with_echo("127.0.0.1", any6.port()) + " ";
  seen += with_echo("127.0.0.1", kClosed);
  return seen;
}

std::string to_file_and_pipe() {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  const UniqueFd out(ends[1]);
  std::string seen = dial(ends[0], at(kServer, kEcho));
  (void)::close(ends[0]);
  seen += " " + dial(ends[0], at(kServer, kEcho));
  seen += " " + dial(-1, at(kServer, kEcho));
  return seen;
}

constexpr Behaviour kBehaviours[] = {
    {"connect", [] { return with_echo(kServer, kEcho); }, "echo"},
    {"refused", [] { return with_echo(kServer, kClosed); }, "ECONNREFUSED"},
    {"refused, then the same socket elsewhere", [] { return again_same_fd(at(kServer, kClosed), at(kServer, kEcho)); },
     "ECONNREFUSED ok echo"},
    {"refused by loopback, then outside", [] { return again_same_fd(at("127.0.0.1", kClosed), at(kServer, kEcho)); },
     "ECONNREFUSED ok echo"},
    {"refused outside, then loopback",
     [] {
       const InnerServer inner;
       return again_same_fd(at(kServer, kClosed), at("127.0.0.1", inner.port()));
     },
     "ECONNREFUSED ok echo"},
    {"SO_SNDTIMEO", time_limit, "EINPROGRESS in time EALREADY"},
    {"non-blocking, poll", [] { return nonblocking(at(kServer, kEcho), false); }, "EINPROGRESS ok"},
    {"non-blocking, select", [] { return nonblocking(at(kServer, kEcho), true); }, "EINPROGRESS selected ok"},
    {"non-blocking, loopback",
     [] {
       const InnerServer inner;
       return nonblocking(at("127.0.0.1", inner.port()), true);
     },
     "EINPROGRESS selected ok"},
    {"non-blocking, then connect again", nonblocking_then_again, "EINPROGRESS ok EISCONN echo"},
    {"non-blocking, refused", nonblocking_refused, "EINPROGRESS err+hup ECONNREFUSED ok ECONNABORTED"},
    {"connect twice", twice, "ok EISCONN EISCONN echo"},
    {"connect twice, under way", twice_under_way, "EINPROGRESS EALREADY EALREADY"},
    {"AF_UNSPEC, then again", [] { return undone(at(kServer, kEcho)); }, "ok echo ok ? ok echo"},
    {"AF_UNSPEC, then loopback",
     [] {
       const InnerServer inner;
       return undone(at("127.0.0.1", inner.port()));
     },
     "ok echo ok ? ok echo"},
    {"wrong family", wrong_family, "EAFNOSUPPORT EINVAL EINVAL EAFNOSUPPORT"},
    {"IPv6", [] { return with_echo(kServer6, kEcho, AF_INET6); }, "echo"},
    {"IPv6, refused", [] { return with_echo(kServer6, kClosed, AF_INET6); }, "ECONNREFUSED"},
    {"IPv4-mapped", [] { return with_echo("::ffff:192.0.2.2", kEcho, AF_INET6); }, "echo"},
    {"IPv4-mapped on IPV6_V6ONLY", v6_only, "ENETUNREACH"},
    {"servers on the pod's loopback", loopbacks, "echo echo echo echo echo echo echo echo ECONNREFUSED"},
    {"connect of what is no socket", to_file_and_pipe, "ENOTSOCK EBADF EBADF"},
};

}  // namespace

std::span<const Behaviour> connect_behaviours() { return kBehaviours; }

}  // namespace sublet::probe
