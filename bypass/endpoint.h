// SPDX-License-Identifier: Apache-2.0
// A socket address as a program gave it: bytes of our own copy, and what they mean. Pure, no allocation.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/cidr.h"

namespace sublet::bypass {

/// Bytes copied from a program: at most what the kernel takes (sizeof(sockaddr_storage), 128).
struct RawAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  /// AF_UNSPEC if there are too few bytes for a family.
  [[nodiscard]] int family() const;
};

/// Where a connection would go. A v4-mapped IPv6 address (RFC 4291 §2.5.5.2) is the IPv4 one that it stands for.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  bool mapped = false;
  std::uint32_t scope = 0;  // sin6_scope_id
};

/// Nothing if the family is another one, or the bytes are too few for it (the kernel then says EINVAL itself).
[[nodiscard]] std::optional<Endpoint> endpoint_of(const RawAddress& raw);

/// As the kernel takes it.
[[nodiscard]] RawAddress raw_address(const IpAddress& address, std::uint16_t port);
[[nodiscard]] RawAddress raw_address(const Endpoint& endpoint);
/// The same of IPv6: an IPv4 address is mapped.
[[nodiscard]] RawAddress raw_address_v6(const IpAddress& address, std::uint16_t port);

}  // namespace sublet::bypass
