// SPDX-License-Identifier: Apache-2.0
#include "tests/support/inet.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>

#include <cstring>
#include <random>

#include "base/cidr.h"
#include "base/sys.h"

namespace sublet::test {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<Address> address_of(const std::string& text, std::uint16_t port) {
  auto ip = parse_ip(text);
  if (!ip) return fail(text + ": no address");
  Address address;
  if (ip->v6) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::memcpy(&in.sin6_addr, ip->bytes.data(), 16);
    std::memcpy(&address.storage, &in, address.size = sizeof in);
  } else {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, ip->bytes.data(), 4);
    std::memcpy(&address.storage, &in, address.size = sizeof in);
  }
  return address;
}

Result<void> wait_for(int fd, short events, int timeout_ms) {
  pollfd waiting{fd, events, 0};
  int count = ::poll(&waiting, 1, timeout_ms);
  if (count < 0) return fail_errno("poll");
  if (count == 0) return fail_errno("waiting for a socket", ETIMEDOUT);
  return {};
}

}  // namespace

Result<UniqueFd> serve(int type, const std::string& address, std::uint16_t port) {
  Address local = TRY(address_of(address, port));
  auto socket = TRY(sys::socket(local.storage.ss_family, type));
  int on = 1;
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (local.storage.ss_family == AF_INET6) (void)::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(socket.get(), local.get(), local.size) != 0) return fail_errno("bind " + address);
  if (type == SOCK_STREAM && ::listen(socket.get(), 16) != 0) return fail_errno("listen");
  return socket;
}

Result<UniqueFd> dial(int type, const std::string& address, std::uint16_t port, int timeout_ms) {
  Address peer = TRY(address_of(address, port));
  auto socket = TRY(sys::socket(peer.storage.ss_family, type));
  TRY(sys::set_nonblocking(socket.get(), true));
  if (::connect(socket.get(), peer.get(), peer.size) != 0) {
    if (errno != EINPROGRESS) return fail_errno("connect " + address);
    TRY(wait_for(socket.get(), POLLOUT, timeout_ms));
    int error = 0;
    socklen_t size = sizeof error;
    (void)::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return fail_errno("connect " + address, error);
  }
  TRY(sys::set_nonblocking(socket.get(), false));
  return socket;
}

Result<UniqueFd> accept_one(int listener, int timeout_ms) {
  TRY(wait_for(listener, POLLIN, timeout_ms));
  UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket) return fail_errno("accept");
  return socket;
}

Result<void> send_text(int socket, const std::string& text) { return sys::write_all(socket, text); }

Result<std::string> receive_some(int socket, int timeout_ms) {
  TRY(wait_for(socket, POLLIN, timeout_ms));
  std::string buffer(std::size_t{64} << 10, '\0');
  ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (count < 0) return fail_errno("recv");
  buffer.resize(static_cast<std::size_t>(count));
  return buffer;
}

Result<std::string> receive_all(int socket, int timeout_ms) {
  std::string all;
  for (;;) {
    std::string part = TRY(receive_some(socket, timeout_ms));
    if (part.empty()) return all;
    all += part;
  }
}

Result<void> send_frame(const std::string& link, const std::string& frame) {
  auto socket = TRY(sys::socket(AF_PACKET, SOCK_RAW));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(::if_nametoindex(link.c_str()));
  to.sll_halen = 6;
  if (::sendto(socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to) < 0)
    return fail_errno("sending a frame");
  return {};
}

std::string noise(std::size_t size) {
  std::mt19937_64 random(size);
  std::string text(size, '\0');
  for (std::size_t at = 0; at < size; at += 8) {
    std::uint64_t word = random();
    std::memcpy(&text[at], &word, std::min<std::size_t>(8, size - at));
  }
  return text;
}

}  // namespace sublet::test
