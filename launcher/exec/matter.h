// SPDX-License-Identifier: Apache-2.0
// Whose matter an address is, which a program of the host connects to. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "base/cidr.h"
#include "bypass/endpoint.h"

namespace sublet::launcher {

enum class Matter : std::uint8_t {
  kElsewhere,   // nobody's but the program's
  kCluster,     // an address of the cluster's, IPv4 or v4-mapped
  kNameServer,  // port 53: if the socket is one for datagrams, a question for us
  kNameCache,   // a local service that answers for names, and doesn't know the cluster's: as if it weren't there
};

[[nodiscard]] Matter matter_of(const bypass::RawAddress& address, const std::vector<Cidr>& cluster);

}  // namespace sublet::launcher
