// SPDX-License-Identifier: Apache-2.0
// IPv4 and IPv6 addresses and prefixes as plain values, and the choice of a prefix that nothing on the host uses. Pure.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sublet {

/// An address of either family, in network byte order. IPv4 uses the first four bytes; the rest is zero.
struct IpAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] unsigned bits() const { return v6 ? 128 : 32; }
  [[nodiscard]] std::string text() const;
  [[nodiscard]] auto operator<=>(const IpAddress&) const = default;  // NOLINT(modernize-use-nullptr): the 0 of `< 0`
};

/// Numeric text as inet_pton(3) takes it; no zone ("%eth0"), no name, no blanks.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);

/// A prefix: the address has no bit set outside of it (parse_cidr() and network_of() see to that).
struct Cidr {
  IpAddress address;
  unsigned length = 0;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool operator==(const Cidr&) const = default;
};

/// "10.0.2.0/24", "fd00::/64". Bits set outside of the prefix ("10.0.2.1/24") are an error whose hint is the prefix
/// meant.
[[nodiscard]] Result<Cidr> parse_cidr(std::string_view text);
/// As Kubernetes takes a block of addresses: "10.0.2.1/24" is the network that it is in.
[[nodiscard]] Result<Cidr> parse_block(std::string_view text);

/// The prefix of `length` bits (at most the family's) that `address` is in.
[[nodiscard]] Cidr network_of(const IpAddress& address, unsigned length);
[[nodiscard]] bool contains(const Cidr& prefix, const IpAddress& address);
/// False for prefixes of different families.
[[nodiscard]] bool overlap(const Cidr& a, const Cidr& b);
/// The n-th address, counted from the prefix's own (0). Nothing if the prefix has fewer.
[[nodiscard]] std::optional<IpAddress> nth(const Cidr& prefix, std::uint64_t n);

/// `preferred`, or else the first of `candidates` that overlaps none of `taken` (the host's routes, and prefixes chosen
/// before). A default route (length 0) takes nothing. Nothing if all of them overlap.
[[nodiscard]] std::optional<Cidr> first_free(const Cidr& preferred, const std::vector<Cidr>& candidates,
                                             const std::vector<Cidr>& taken);

}  // namespace sublet
