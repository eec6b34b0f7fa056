// SPDX-License-Identifier: Apache-2.0
// Which pods a NetworkPolicy keeps from leaving freely: those are not bypassed, as only the packet filter of the
// cluster's own network can hold to a policy. Told by whoever watches policies, through the keeper. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bypass/record.h"

namespace sublet::bypass {

/// What a message to the keeper begins with that tells of this.
inline constexpr std::string_view kIsolationMessage = "isolation ";

struct Isolation {
  bool all = false;  // nobody leaves by the bypass
  /// By namespace that has a policy of egress: the uids of pods there that it leaves alone. All others count as
  /// isolated, those too that nobody has heard of yet.
  std::map<std::string, std::set<std::string>> free;

  bool operator==(const Isolation&) const = default;
};

[[nodiscard]] bool is_isolated(const Isolation& isolation, const Record& pod);

/// Where there is more to be told than a message holds, `all` is said instead.
[[nodiscard]] std::string to_json(const Isolation& isolation);
[[nodiscard]] Result<Isolation> isolation_from_json(std::string_view text);

/// Tells the keeper at `path`; returns when it has taken it.
Result<void> tell_isolation(const std::string& path, const Isolation& isolation);

}  // namespace sublet::bypass
