// SPDX-License-Identifier: Apache-2.0
// Ports of the host that lead to pods: what the broker is told of them, and what it tells of them. Plain values, to and
// from JSON. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.h"
#include "base/result.h"

namespace sublet::bypass {

/// Addresses, but for some of them.
struct AddressBlock {
  Cidr block;
  std::vector<Cidr> except;

  bool operator==(const AddressBlock&) const = default;
};

/// Where a connection may end up.
struct PortEndpoint {
  IpAddress address;
  std::uint16_t port = 0;
  std::string pod_uid;    // empty: no pod's
  bool isolated = false;  // a NetworkPolicy of ingress holds it: for the owner's own connections, and those …
  std::vector<AddressBlock> from;  // … from here

  bool operator==(const PortEndpoint&) const = default;
};

struct HostPort {
  std::string key;            // who wants it; unique in a table
  std::uint16_t wanted = 0;   // 0: any
  std::uint16_t last = 0;     // of any: the number that it had before, which its users know
  bool open = false;          // to everybody, not the owner's processes alone
  std::int64_t affinity = 0;  // seconds that a client is sent to the same endpoint; 0: it is not
  std::vector<PortEndpoint> endpoints;
  std::optional<IpAddress> address;  // of the host; empty: the one that ports usually have

  bool operator==(const HostPort&) const = default;
};

/// What a port was used for.
struct PortCounts {
  std::uint64_t handed = 0;     // given to the pod's own accept
  std::uint64_t relayed = 0;    // carried by us
  std::uint64_t strangers = 0;  // not the owner's: sent away
  std::uint64_t isolated = 0;   // sent away because of a NetworkPolicy
  std::uint64_t failed = 0;     // no endpoint took it

  bool operator==(const PortCounts&) const = default;
};

/// How a port is.
struct PortState {
  std::string key;
  std::string address;     // text; empty: none is had
  std::uint16_t port = 0;  // 0: not had, because of …
  std::string error;
  bool operator==(const PortState&) const = default;
};

inline constexpr std::size_t kMostPorts = 4096;
inline constexpr std::size_t kMostEndpoints = 1024;  // of one port
inline constexpr std::size_t kMostBlocks = 256;      // of one endpoint, and of exceptions from one
inline constexpr std::size_t kLongestKey = 600;      // namespace, name, port's name, and why

/// Whether connections from there may go to the endpoint: anybody's but the owner's.
[[nodiscard]] bool admits_stranger(const PortEndpoint& endpoint, const IpAddress& from);

[[nodiscard]] std::string to_json(const std::vector<HostPort>& table);
/// Checked: unknown keys, wrong types, two ports of one key, and more than a cluster can have, are errors.
[[nodiscard]] Result<std::vector<HostPort>> port_table_from_json(std::string_view text);

[[nodiscard]] std::string to_json(const PortState& state);
[[nodiscard]] Result<PortState> port_state_from_json(std::string_view text);

}  // namespace sublet::bypass
