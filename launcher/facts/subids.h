// SPDX-License-Identifier: Apache-2.0
// The user's subordinate ids by libsubid, which asks whatever nsswitch.conf(5) names: /etc/subuid is never read here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/facts/facts.h"

namespace sublet::launcher {

struct Subids {
  std::vector<IdRange> uids;
  std::vector<IdRange> gids;
  std::string reason;                 // why one of them is empty, where libsubid told
  std::vector<std::string> warnings;  // ranges that no uid_t can hold
};

/// Of the account `user`; its number, as text, where it has no name.
[[nodiscard]] Subids read_subids(const std::string& user);

/// The start of a block of 65,536 ids that no user has (by its first, middle and last id), for the administrator's
/// change; 0 if none was found.
[[nodiscard]] std::uint32_t find_free_subids();

/// A range as libsubid gives it (unsigned long) as ids; cut, or empty, with a warning where it holds what is no id.
[[nodiscard]] IdRange checked_range(unsigned long start, unsigned long count, std::vector<std::string>& warnings);

}  // namespace sublet::launcher
