// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/matter.h"

#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace sublet::launcher {
namespace {

// Where glibc asks before DNS, if they are there: nscd (nscd/nscd-client.h) and systemd-resolved's nss module
// (nss-resolve(8)). /var/run is /run on all systems of today, but glibc spells it so.
constexpr std::string_view kNameCaches[] = {
    "/var/run/nscd/socket",
    "/run/nscd/socket",
    "/run/systemd/resolve/io.systemd.Resolve",
};

constexpr std::uint16_t kDnsPort = 53;

bool is_name_cache(const bypass::RawAddress& address) {
  constexpr std::size_t kPath = offsetof(sockaddr_un, sun_path);
  if (address.length <= kPath) return false;
  const char* path = reinterpret_cast<const char*>(&address.storage) + kPath;
  const std::string_view name(path, ::strnlen(path, address.length - kPath));
  return std::find(std::begin(kNameCaches), std::end(kNameCaches), name) != std::end(kNameCaches);
}

}  // namespace

Matter matter_of(const bypass::RawAddress& address, const std::vector<Cidr>& cluster) {
  if (address.family() == AF_UNIX) return is_name_cache(address) ? Matter::kNameCache : Matter::kElsewhere;
  const auto endpoint = bypass::endpoint_of(address);
  if (!endpoint) return Matter::kElsewhere;
  for (const Cidr& prefix : cluster)
    if (contains(prefix, endpoint->address)) return Matter::kCluster;
  return endpoint->port == kDnsPort ? Matter::kNameServer : Matter::kElsewhere;
}

}  // namespace sublet::launcher
