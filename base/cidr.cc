// SPDX-License-Identifier: Apache-2.0
#include "base/cidr.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/strings.h"

namespace sublet {
namespace {

bool same_prefix(const IpAddress& a, const IpAddress& b, unsigned length) {
  return network_of(a, length) == network_of(b, length);
}

}  // namespace

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  CHECK(::inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer.data(), buffer.size()) != nullptr);
  return buffer.data();
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  IpAddress address;
  address.v6 = text.find(':') != std::string_view::npos;
  // A NUL inside would end the text early for inet_pton.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  if (::inet_pton(address.v6 ? AF_INET6 : AF_INET, std::string(text).c_str(), address.bytes.data()) != 1)
    return std::nullopt;
  return address;
}

std::string Cidr::text() const { return fmt::format("{}/{}", address.text(), length); }

Result<Cidr> parse_block(std::string_view text) {
  auto slash = text.find('/');
  auto address = parse_ip(text.substr(0, slash));
  if (slash == std::string_view::npos || !address)
    return fail(fmt::format("\"{}\" is not a network prefix", text),
                "write ADDRESS/LENGTH, as 10.0.2.0/24 or fd00::/64");
  auto length = parse_int<unsigned>(text.substr(slash + 1));
  if (!length || *length > address->bits())
    return fail(fmt::format("\"{}\": the prefix length is not a number from 0 to {}", text, address->bits()));
  return network_of(*address, *length);
}

Result<Cidr> parse_cidr(std::string_view text) {
  const Cidr prefix = TRY(parse_block(text));
  if (parse_ip(text.substr(0, text.find('/'))) != prefix.address)
    return fail(fmt::format("\"{}\" has bits set outside of its prefix", text),
                fmt::format("{} is probably meant", prefix.text()));
  return prefix;
}

Cidr network_of(const IpAddress& address, unsigned length) {
  CHECK(length <= address.bits());
  Cidr prefix{address, length};
  for (unsigned i = 0; i < prefix.address.bytes.size(); ++i) {
    unsigned kept = length > i * 8 ? std::min(length - i * 8, 8U) : 0;
    auto mask = static_cast<std::uint8_t>(0xff00U >> kept);
    prefix.address.bytes[i] &= mask;
  }
  return prefix;
}

bool contains(const Cidr& prefix, const IpAddress& address) {
  return prefix.address.v6 == address.v6 && same_prefix(prefix.address, address, prefix.length);
}

bool overlap(const Cidr& a, const Cidr& b) {
  return a.address.v6 == b.address.v6 && same_prefix(a.address, b.address, std::min(a.length, b.length));
}

std::optional<IpAddress> nth(const Cidr& prefix, std::uint64_t n) {
  unsigned free_bits = prefix.address.bits() - prefix.length;
  if (free_bits < 64 && (n >> free_bits) != 0) return std::nullopt;
  IpAddress address = prefix.address;
  // The host part of a prefix is zero, so adding never carries out of it.
  for (unsigned i = prefix.address.bits() / 8; i-- > 0 && n != 0; n >>= 8)
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] | (n & 0xff));
  return address;
}

std::optional<Cidr> first_free(const Cidr& preferred, const std::vector<Cidr>& candidates,
                               const std::vector<Cidr>& taken) {
  auto is_free = [&](const Cidr& prefix) {
    return std::none_of(taken.begin(), taken.end(), [&](const Cidr& t) { return t.length != 0 && overlap(prefix, t); });
  };
  if (is_free(preferred)) return preferred;
  auto found = std::find_if(candidates.begin(), candidates.end(), is_free);
  if (found == candidates.end()) return std::nullopt;
  return *found;
}

}  // namespace sublet
