// SPDX-License-Identifier: Apache-2.0
#include "bypass/options.h"

#include <fcntl.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace sublet::bypass {
namespace {

struct Option {
  int level;
  int name;
  bool halved = false;  // the kernel doubles what it is given (socket(7), SO_RCVBUF)
  bool own = false;     // says something about this socket alone: not inherited, or of no use to a connected one
};
// Numbers where Debian 12's libc has no name yet.
#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS 17
#endif
constexpr int kTcpInq = 36;
constexpr int kTcpTxDelay = 37;
constexpr int kIpLocalPortRange = 51;
constexpr int kUdpSegment = 103;
constexpr int kUdpGro = 104;
constexpr Option kOptions[] = {
    {SOL_SOCKET, SO_REUSEADDR, false, true},
    {SOL_SOCKET, SO_REUSEPORT, false, true},
    {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_OOBINLINE},
    {SOL_SOCKET, SO_DONTROUTE},
    {SOL_SOCKET, SO_SNDBUF, true},
    {SOL_SOCKET, SO_RCVBUF, true},
    {SOL_SOCKET, SO_RCVLOWAT},
    {SOL_SOCKET, SO_TIMESTAMP},
    {SOL_SOCKET, SO_TIMESTAMPNS},
    {SOL_SOCKET, SO_TIMESTAMPING},
    {SOL_SOCKET, SO_ZEROCOPY},
    {SOL_SOCKET, SO_BUSY_POLL},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_MAXSEG},
    {IPPROTO_TCP, TCP_CORK},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_SYNCNT},
    {IPPROTO_TCP, TCP_LINGER2},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, false, true},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP},
    {IPPROTO_TCP, TCP_QUICKACK},
    {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_FASTOPEN, false, true},
    {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, false, true},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_TCP, TCP_SAVE_SYN, false, true},
    {IPPROTO_TCP, kTcpInq},
    {IPPROTO_TCP, kTcpTxDelay},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_MTU_DISCOVER},
    {IPPROTO_IP, IP_RECVERR},
    {IPPROTO_IP, IP_FREEBIND, false, true},
    {IPPROTO_IP, IP_MINTTL},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, false, true},
    {IPPROTO_IP, kIpLocalPortRange, false, true},
    {IPPROTO_IPV6, IPV6_V6ONLY, false, true},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {IPPROTO_IPV6, IPV6_TCLASS},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER},
    {IPPROTO_IPV6, IPV6_RECVERR},
    {IPPROTO_IPV6, IPV6_DONTFRAG},
    {IPPROTO_IPV6, IPV6_AUTOFLOWLABEL},
};
constexpr Option kDatagramOptions[] = {
    {SOL_SOCKET, SO_BROADCAST},        {SOL_SOCKET, SO_RXQ_OVFL},
    {IPPROTO_IP, IP_PKTINFO},          {IPPROTO_IP, IP_RECVTOS},
    {IPPROTO_IP, IP_RECVTTL},          {IPPROTO_IPV6, IPV6_RECVPKTINFO},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT}, {IPPROTO_IPV6, IPV6_RECVTCLASS},
    {IPPROTO_UDP, kUdpSegment},        {IPPROTO_UDP, kUdpGro},
};
static_assert(std::size(kOptions) + std::size(kDatagramOptions) <= kOptionCount);

// Those of TCP, which a socket of UDP does not know, and then those of UDP, for which nobody asks a socket of TCP.
std::size_t count_for(int type) { return std::size(kOptions) + (type == SOCK_DGRAM ? std::size(kDatagramOptions) : 0); }
const Option& option_at(std::size_t i) {
  return i < std::size(kOptions) ? kOptions[i] : kDatagramOptions[i - std::size(kOptions)];
}

bool read_int(int fd, const Option& option, int& value) {
  socklen_t size = sizeof value;
  value = 0;
  return ::getsockopt(fd, option.level, option.name, &value, &size) == 0;
}

// Options that are not ints. Set only where they say something: all zero is what a new socket has.
template <typename T>
int copy_struct(int from, int to, int name) {
  T value;
  std::memset(&value, 0, sizeof value);
  T nothing;
  std::memset(&nothing, 0, sizeof nothing);
  socklen_t size = sizeof value;
  if (::getsockopt(from, SOL_SOCKET, name, &value, &size) != 0) return errno;
  if (std::memcmp(&value, &nothing, sizeof value) == 0) return 0;
  return ::setsockopt(to, SOL_SOCKET, name, &value, sizeof value) == 0 ? 0 : errno;
}

int copy_congestion_control(int from, int to) {
  char theirs[16] = {};
  char ours[16] = {};
  socklen_t size = sizeof theirs - 1;
  if (::getsockopt(from, IPPROTO_TCP, TCP_CONGESTION, theirs, &size) != 0) return errno;
  size = sizeof ours - 1;
  if (::getsockopt(to, IPPROTO_TCP, TCP_CONGESTION, ours, &size) != 0) return errno;
  // Each namespace has a default of its own: only a choice is copied, which here cannot be told from another default.
  // Taking it over is right in both cases, unless the pod may not have it; then it stays with the default.
  if (std::strcmp(theirs, ours) != 0)
    (void)::setsockopt(to, IPPROTO_TCP, TCP_CONGESTION, theirs, static_cast<socklen_t>(std::strlen(theirs)));
  return 0;
}

int copy_file_flags(int from, int to) {
  const int flags = ::fcntl(from, F_GETFL);
  if (flags < 0 || ::fcntl(to, F_SETFL, flags & (O_NONBLOCK | O_ASYNC)) != 0) return errno;
  // Whom a socket may signal is judged by who named him (sigio_perm(), fs/fcntl.c): that is us, from here on. So only
  // those are carried over who were named by somebody with our own rights; and who that was is asked last.
  f_owner_ex owner{};
  std::array<uid_t, 2> namers{};
  if (::fcntl(from, F_GETOWN_EX, &owner) == 0 && owner.pid != 0 && ::fcntl(from, F_GETOWNER_UIDS, namers.data()) == 0 &&
      namers[1] == ::geteuid())
    (void)::fcntl(to, F_SETOWN_EX, &owner);
  if (const int signal = ::fcntl(from, F_GETSIG); signal > 0) (void)::fcntl(to, F_SETSIG, signal);
  return 0;
}

}  // namespace

OptionDefaults::OptionDefaults(int domain, int type) : type_(type) {
  const UniqueFd fresh(::socket(domain, type | SOCK_CLOEXEC, 0));
  if (!fresh) return;
  for (std::size_t i = 0; i < count_for(type); ++i)
    values_[i].known = read_int(fresh.get(), option_at(i), values_[i].value);
}

int OptionDefaults::copy(int from, int to) const {
  for (std::size_t i = 0; i < count_for(type_); ++i) {
    const Option& option = option_at(i);
    int value = 0;
    if (!values_[i].known || !read_int(from, option, value) || value == values_[i].value) continue;
    if (option.halved) value /= 2;
    if (::setsockopt(to, option.level, option.name, &value, sizeof value) != 0) return errno;
  }
  if (const int error = copy_struct<linger>(from, to, SO_LINGER); error != 0) return error;
  if (const int error = copy_struct<timeval>(from, to, SO_RCVTIMEO); error != 0) return error;
  if (const int error = copy_struct<timeval>(from, to, SO_SNDTIMEO); error != 0) return error;
  if (type_ == SOCK_STREAM)
    if (const int error = copy_congestion_control(from, to); error != 0) return error;
  return copy_file_flags(from, to);
}

void set_all(const std::vector<Setting>& settings, int socket) {
  for (const Setting& each : settings) (void)::setsockopt(socket, each.level, each.name, each.value.data(), each.size);
}

CongestionControl congestion_control(int socket) {
  CongestionControl name{};
  socklen_t size = name.size();
  if (::getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(), &size) != 0) name = {};
  return name;
}

std::vector<Setting> OptionDefaults::inherited(int listener, const CongestionControl& usual) const {
  std::vector<Setting> found;
  auto add = [&](int level, int name, const void* value, std::size_t size) {
    Setting setting{level, name, {}, static_cast<socklen_t>(size)};
    std::memcpy(setting.value.data(), value, size);
    found.push_back(setting);
  };
  for (std::size_t i = 0; i < std::size(kOptions); ++i) {
    int value = 0;
    if (kOptions[i].own || !values_[i].known || !read_int(listener, kOptions[i], value) || value == values_[i].value)
      continue;
    if (kOptions[i].halved) value /= 2;
    add(kOptions[i].level, kOptions[i].name, &value, sizeof value);
  }
  for (const int name : {SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO}) {
    constexpr char kNothing[16] = {};
    char value[16] = {};
    socklen_t size = sizeof value;
    if (::getsockopt(listener, SOL_SOCKET, name, value, &size) == 0 && std::memcmp(value, kNothing, sizeof value) != 0)
      add(SOL_SOCKET, name, value, size);
  }
  if (const CongestionControl theirs = congestion_control(listener); theirs[0] != 0 && theirs != usual)
    add(IPPROTO_TCP, TCP_CONGESTION, theirs.data(), ::strnlen(theirs.data(), theirs.size()));
  return found;
}

}  // namespace sublet::bypass
