// SPDX-License-Identifier: Apache-2.0
// The verdicts as rules for `nft -f -`: one table of its own, replaced as a whole in one transaction. Pure.
//
// A pod's packets to other pods of the node cross a bridge, and pass the same hook as those that are routed, as
// br_netfilter has it. What comes from or goes to the node itself passes other hooks, and is always allowed.
#pragma once

#include <string>

#include "launcher/policy/compile.h"

namespace sublet::launcher {

inline constexpr const char* kPolicyTable = "sublet-policy";

/// `pods`: the prefix of all pods' addresses. An address of it that is not known is nobody's to use yet.
[[nodiscard]] std::string policy_rules(const PolicyVerdicts& verdicts, const Cidr& pods);

}  // namespace sublet::launcher
