// SPDX-License-Identifier: Apache-2.0
// What a program may try in order to reach the host's loopback, or what it is denied, by the host's sockets. Whether
// the canaries there heard something, bypass_world.h tells.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/io_uring.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "tests/support/probe/probe.h"

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

namespace sublet::probe {
namespace {

constexpr const char* kSpellings[] = {"127.0.0.1",   "127.0.0.53", "127.1.2.3", "127.255.255.254",  "0.0.0.0",
                                      "0.0.0.1",     "::1",        "::",        "::ffff:127.0.0.1", "::ffff:0.0.0.0",
                                      "::127.0.0.1", "10.0.2.2",   "10.0.2.3",  "fd00::2"};

// Each spelling, on a new socket and on one that was connected outside and let go.
std::string spellings(bool reused) {
  std::string reached;
  for (const char* each : kSpellings) {
    const Address to = at(each, kCanary);
    const UniqueFd fd = tcp(to.storage.ss_family, SOCK_NONBLOCK);
    if (reused) {
      (void)dial(fd.get(), at(to.storage.ss_family == AF_INET ? kServer : kServer6, kEcho));
      (void)outcome(fd.get());
      Address nothing;
      nothing.storage.ss_family = AF_UNSPEC;
      nothing.length = sizeof(sockaddr_in);
      (void)dial(fd.get(), nothing);
    }
    (void)dial(fd.get(), to);
    if (outcome(fd.get(), 100) == "ok" && peer_address(fd.get()) != "?") reached += fmt::format("{} ", each);
  }
  return reached.empty() ? "none" : reached;
}

std::string unbind() {
  std::string seen;
  const int nothing = 0;
  const int loopback = 1;
  auto all = [&](int fd) {
    return name_of(::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0)) + " " +
           name_of(::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3)) + " " +
           name_of(::setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &nothing, sizeof nothing)) + " " +
           name_of(::setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &loopback, sizeof loopback));
  };
  const UniqueFd connected = tcp();
  (void)dial(connected.get(), at(kServer, kEcho));
  seen += all(connected.get());
  // And on one that is idle: it becomes the pod's, whose root may do so.
  const UniqueFd idle = tcp();
  seen += ", " + all(idle.get());
  return seen + " " + dial(idle.get(), at("127.0.0.1", kCanary));
}

std::string fast_open() {
  const Address to = at(kServer, kEcho);
  std::string seen;
  char word[] = "peep";
  const UniqueFd one = tcp();
  seen += name_of(static_cast<int>(::sendto(one.get(), word, 4, MSG_FASTOPEN, to.get(), to.length)));
  iovec data{word, 4};
  mmsghdr message{};
  message.msg_hdr.msg_name = const_cast<sockaddr*>(to.get());
  message.msg_hdr.msg_namelen = to.length;
  message.msg_hdr.msg_iov = &data;
  message.msg_hdr.msg_iovlen = 1;
  seen += " " + name_of(static_cast<int>(::sendmsg(one.get(), &message.msg_hdr, MSG_FASTOPEN | MSG_DONTWAIT)));
  seen += " " + name_of(::sendmmsg(one.get(), &message, 1, MSG_FASTOPEN));
  seen += " " + peer_address(one.get());
  // Deferred by an option: the address is the one that connect was given.
  const UniqueFd two = tcp();
  const int on = 1;
  (void)::setsockopt(two.get(), IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on);
  seen += " " + dial(two.get(), to);
  const Address canary = at("127.0.0.1", kCanary);
  (void)::sendto(two.get(), word, 4, MSG_NOSIGNAL, canary.get(), canary.length);
  return seen + " " + peer_address(two.get());
}

// A send that connects, by the call whose flags stand in memory.
std::string fast_open_32() {
#ifdef __x86_64__
  void* low = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) return "no low memory";
  auto* words = static_cast<std::uint32_t*>(low);
  const auto base = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(low));
  const Address to = at(kDenied, kEcho);
  std::memcpy(static_cast<char*>(low) + 64, &to.storage, to.length);
  const UniqueFd fd = tcp();
  const std::uint32_t arguments[] = {static_cast<std::uint32_t>(fd.get()), base + 128, 4, MSG_FASTOPEN, base + 64, 16};
  std::memcpy(words, arguments, sizeof arguments);
  long result = 102;
  asm volatile("int $0x80"
               : "+a"(result)
               : "b"(static_cast<std::uint32_t>(SYS_SENDTO)), "c"(base)
               : "memory", "r8", "r9", "r10", "r11");
  (void)outcome(fd.get(), 500);
  return own_address(fd.get()) == "192.0.2.1" ? "reached what is denied" : "not reached";
#else
  return "not reached";
#endif
}

std::string rings() {
  io_uring_params parameters{};
  return name_of(static_cast<int>(::syscall(SYS_io_uring_setup, 4, &parameters)));
}

std::string hosts_abstract_socket() {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  constexpr std::string_view kName = "bypass-canary";
  std::memcpy(name.sun_path + 1, kName.data(), kName.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + kName.size());
  return name_of(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), length));
}

// Lengths and pointers that are none: what the kernel says without the bypass, it says with it.
std::string garbage() {
  std::string seen;
  const Address to = at(kServer, kEcho);
  const UniqueFd fd = tcp();
  auto* nowhere = reinterpret_cast<const sockaddr*>(8);
  auto* kernel = reinterpret_cast<const sockaddr*>(~std::uintptr_t{4095});
  struct {
    const sockaddr* address;
    socklen_t length;
  } const cases[] = {{to.get(), 0},
                     {to.get(), 1},
                     {to.get(), 2},
                     {to.get(), 15},
                     {to.get(), 129},
                     {to.get(), 0x7fffffff},
                     {to.get(), static_cast<socklen_t>(-1)},
                     {to.get(), 0x80000000},
                     {nullptr, 16},
                     {nowhere, 16},
                     {kernel, 16},
                     {nowhere, 0}};
  for (const auto& c : cases) seen += name_of(::connect(fd.get(), c.address, c.length)) + " ";
  seen += "| ";
  for (const auto& c : cases) {
    const UniqueFd other = tcp();
    seen += name_of(::bind(other.get(), c.address, c.length)) + " ";
  }
  seen +=
      "| " + name_of(::listen(fd.get(), -1)) + " " + name_of(::listen(-1, 1)) + " " + name_of(::listen(0x7fffffff, 1));
  const UniqueFd option = tcp();
  seen += " | " + name_of(::setsockopt(option.get(), SOL_SOCKET, SO_MARK, nowhere, 4));
  seen += " " + name_of(::setsockopt(option.get(), SOL_SOCKET, SO_MARK, nowhere, static_cast<socklen_t>(-1)));
  seen += " " + name_of(::setsockopt(-1, SOL_SOCKET, SO_MARK, nowhere, 4));
  seen += " " + name_of(::ioctl(option.get(), 0x8912, nowhere));
  seen += " " + name_of(static_cast<int>(::syscall(SYS_socket, AF_INET, SOCK_STREAM | 0x100, 0)));
  seen += " " + name_of(static_cast<int>(::syscall(SYS_socket, AF_INET, SOCK_STREAM, 0x7fffffff)));
  const UniqueFd path(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
  return seen + " " + dial(path.get(), to) + " " + dial(1 << 30, to);
}

constexpr Behaviour kGarbage[] = {
    {"garbage", garbage,
     "EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EFAULT EFAULT EFAULT EINVAL | "
     "EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EFAULT EFAULT EFAULT EINVAL | "
     "ok EBADF EBADF | EFAULT EINVAL EBADF EFAULT EINVAL EINVAL EBADF EBADF"},
};

constexpr Behaviour kAttacks[] = {
    {"loopback in all spellings", [] { return spellings(false); }, "none"},
    {"loopback in all spellings, by a used socket", [] { return spellings(true); }, "none"},
    {"another device for a host's socket", unbind, "EPERM EPERM EPERM EPERM, ok ok ok ok ECONNREFUSED"},
    {"MSG_FASTOPEN", fast_open, "EOPNOTSUPP EOPNOTSUPP EOPNOTSUPP ? ok 192.0.2.2"},
    {"io_uring", rings, "ENOSYS"},
    {"the host's abstract sockets", hosts_abstract_socket, "ECONNREFUSED"},
    {"unreachable", [] { return dial(tcp().get(), at(kNobody, kEcho)); }, "EHOSTUNREACH"},
    {"MSG_FASTOPEN by a call of 32 bits", fast_open_32, "not reached"},
};

}  // namespace

std::span<const Behaviour> attacks() { return kAttacks; }
std::span<const Behaviour> garbage_behaviours() { return kGarbage; }

}  // namespace sublet::probe
