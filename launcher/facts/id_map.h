// SPDX-License-Identifier: Apache-2.0
// The identity ladder: which ids the cluster's user namespace has, and how its maps are written.
// plan_identity() decides and is pure; write_id_maps() does it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "launcher/config/config.h"
#include "launcher/facts/facts.h"

namespace sublet::launcher {

/// Best first. Full: at least 65,536 ids, as images expect (nobody is 65534). Single: the user alone, as root inside.
enum class IdentityRung { kSubuidFull, kSubuidPartial, kSingle };
[[nodiscard]] std::string_view name_of(IdentityRung rung);

/// One line of uid_map or gid_map (user_namespaces(7)).
struct IdMapEntry {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
  bool operator==(const IdMapEntry&) const = default;
};

/// Extents that the kernel takes in one map since 4.15 (5 before).
inline constexpr std::size_t kMaxExtents = 340;
/// A map is written by one write(2) that must be shorter than a page (user_namespaces(7)); 4 KiB is the smallest one.
inline constexpr std::size_t kMaxMapBytes = 4096;
/// What full means.
inline constexpr std::uint32_t kFullIds = 65536;

/// 0 is `own`, 1 and on are the ranges, one after the other. Ranges that overlap `own` or an earlier one, that end
/// beyond the last id (4294967294; -1 is no id), or for which the map has no room, are dropped or cut with a warning.
struct JoinedRanges {
  std::vector<IdMapEntry> map;
  std::uint32_t ids = 0;  // how many are mapped: 0 … ids-1
  std::vector<std::string> warnings;
};
[[nodiscard]] JoinedRanges join_ranges(std::uint32_t own, const std::vector<IdRange>& ranges, std::string_view what);

/// A better rung that is not taken, and why.
struct LostRung {
  IdentityRung rung;
  std::string reason;
};

struct IdentityPlan {
  IdentityRung rung = IdentityRung::kSingle;
  std::vector<IdMapEntry> uids;
  std::vector<IdMapEntry> gids;
  /// Ids 0 … id_limit-1 exist inside, as users and as groups; 1 on the single rung. What is not below it is faked.
  std::uint32_t id_limit = 1;
  std::string newuidmap;  // empty on the single rung
  std::string newgidmap;
  std::vector<LostRung> lost;
  std::vector<std::string> warnings;
};

/// What the ranges and programs of `facts` would give, whether or not it has been tried: for the probe. Its error says
/// why the rung is out of reach.
[[nodiscard]] Result<IdentityPlan> plan_subuid(const Facts& facts);
[[nodiscard]] IdentityPlan plan_single(const Facts& facts);

/// The best rung that `facts` (facts.id_maps included: it was tried) and the mode allow. An error with kPrerequisite
/// only where the mode insists on subordinate ids and there are none.
[[nodiscard]] Result<IdentityPlan> plan_identity(IdentityMode mode, const Facts& facts);

/// Writes the maps of `pid`, a child of ours in a new user namespace that has none yet: by newuidmap and newgidmap, or
/// on the single rung directly, after setgroups(2) is denied as the kernel demands. An error has newuidmap's words.
Result<void> write_id_maps(pid_t pid, const IdentityPlan& plan);

}  // namespace sublet::launcher
