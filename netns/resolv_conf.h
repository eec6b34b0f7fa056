// SPDX-License-Identifier: Apache-2.0
// resolv.conf(5): what the host's says, what the cluster's says, and what libslirp shall read. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.h"

namespace sublet::netns {

/// The parts of a resolv.conf that matter to us. Lines that are none of it, and values that are no such thing, are left
/// out.
struct ResolvConf {
  std::vector<IpAddress> nameservers;  // at most 3, as the resolver takes (MAXNS)
  std::vector<std::string> zones;      // the "%eth0" of a link-local nameserver, by the same index; else empty
  std::vector<std::string> search;     // the last "search" or "domain" line wins
  std::vector<std::string> options;
};

/// Never fails: what cannot be read is skipped, as the C library does. NULs and control characters end a value.
[[nodiscard]] ResolvConf parse_resolv_conf(std::string_view text);

/// For the cluster: `virtual_servers` (libslirp's own name servers, reached through the tap) first, then, as a way
/// round a first nameserver that is down, the host's further ones if they can be reached through the tap: not on
/// loopback, not link-local. At most 3 in all. The host's search list and options are kept.
[[nodiscard]] std::string resolv_conf_inside(const ResolvConf& host, const std::vector<IpAddress>& virtual_servers);

/// For libslirp, which forwards to the first nameserver of each family. With none at all the resolver's default,
/// 127.0.0.1 (resolv.conf(5)).
[[nodiscard]] std::string resolv_conf_for_driver(const ResolvConf& host);

/// Which of libslirp's two virtual servers have a server of the host behind them: it forwards within one family only.
[[nodiscard]] bool has_v4_nameserver(const ResolvConf& host);
[[nodiscard]] bool has_v6_nameserver(const ResolvConf& host);

}  // namespace sublet::netns
