// SPDX-License-Identifier: Apache-2.0
#include "bypass/fence.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "base/unique_fd.h"

namespace sublet::bypass {
namespace {

// include/uapi/linux/landlock.h; networks are younger than Debian 12's headers (6.1).
struct Rules {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
};
constexpr std::uint64_t kConnectTcp = 1ULL << 1;  // LANDLOCK_ACCESS_NET_CONNECT_TCP
constexpr unsigned kAskVersion = 1U << 0;         // LANDLOCK_CREATE_RULESET_VERSION
constexpr long kFirstWithNetworks = 4;

}  // namespace

Result<bool> fence_connect() {
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, kAskVersion) < kFirstWithNetworks) return false;
  const Rules none_allowed{0, kConnectTcp};
  const UniqueFd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &none_allowed, sizeof none_allowed, 0)));
  if (!rules) return fail_errno("landlock_create_ruleset");
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) return fail_errno("landlock_restrict_self");
  return true;
}

}  // namespace sublet::bypass
