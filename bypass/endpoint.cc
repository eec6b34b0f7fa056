// SPDX-License-Identifier: Apache-2.0
#include "bypass/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace sublet::bypass {

int RawAddress::family() const { return length < sizeof(sa_family_t) ? AF_UNSPEC : storage.ss_family; }

std::optional<Endpoint> endpoint_of(const RawAddress& raw) {
  Endpoint endpoint;
  if (raw.family() == AF_INET && raw.length >= sizeof(sockaddr_in)) {
    sockaddr_in v4;
    std::memcpy(&v4, &raw.storage, sizeof v4);
    std::memcpy(endpoint.address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    endpoint.port = ntohs(v4.sin_port);
    return endpoint;
  }
  // The kernel takes an address without sin6_scope_id, too (SIN6_LEN_RFC2133, net/ipv6/tcp_ipv6.c).
  constexpr std::size_t kWithoutScope = offsetof(sockaddr_in6, sin6_scope_id);
  if (raw.family() != AF_INET6 || raw.length < kWithoutScope) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &raw.storage, std::min<std::size_t>(raw.length, sizeof v6));
  endpoint.port = ntohs(v6.sin6_port);
  endpoint.scope = v6.sin6_scope_id;
  endpoint.mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) != 0;
  constexpr std::size_t kMappedPrefix = 12;
  const std::uint8_t* bytes = v6.sin6_addr.s6_addr;
  endpoint.address.v6 = !endpoint.mapped;
  if (endpoint.mapped)
    std::copy_n(bytes + kMappedPrefix, 4, endpoint.address.bytes.begin());
  else
    std::copy_n(bytes, endpoint.address.bytes.size(), endpoint.address.bytes.begin());
  return endpoint;
}

RawAddress raw_address(const IpAddress& address, std::uint16_t port) {
  if (address.v6) return raw_address_v6(address, port);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
  RawAddress raw;
  raw.length = sizeof v4;
  std::memcpy(&raw.storage, &v4, sizeof v4);
  return raw;
}

RawAddress raw_address(const Endpoint& endpoint) {
  RawAddress raw = raw_address(endpoint.address, endpoint.port);
  if (endpoint.address.v6) reinterpret_cast<sockaddr_in6*>(&raw.storage)->sin6_scope_id = endpoint.scope;
  return raw;
}

RawAddress raw_address_v6(const IpAddress& address, std::uint16_t port) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::uint8_t* bytes = v6.sin6_addr.s6_addr;
  constexpr std::size_t kMappedPrefix = 12;
  if (address.v6) {
    std::copy_n(address.bytes.begin(), address.bytes.size(), bytes);
  } else {
    bytes[kMappedPrefix - 1] = bytes[kMappedPrefix - 2] = 0xff;
    std::copy_n(address.bytes.begin(), 4, bytes + kMappedPrefix);
  }
  RawAddress raw;
  raw.length = sizeof v6;
  std::memcpy(&raw.storage, &v6, sizeof v6);
  return raw;
}

}  // namespace sublet::bypass
