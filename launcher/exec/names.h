// SPDX-License-Identifier: Apache-2.0
// Which of the cluster's names a name may mean that a program of the host asks for. As in a pod, whose resolv.conf has
// the search list NAMESPACE.svc.DOMAIN, svc.DOMAIN, DOMAIN; but only for forms that the cluster has names for, as each
// try is a question. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sublet::launcher {

struct NameRules {
  std::string domain = "cluster.local";   // lower case
  std::string name_space = "default";     // of short names
  std::vector<std::string> host_domains;  // the host's search list, lower case: a resolver puts these behind
};

struct ClusterNames {
  /// Full names, to be tried in this order; empty: not the cluster's matter.
  std::vector<std::string> candidates;
  /// It is the cluster's, and nobody else's, to answer.
  bool exclusive = false;
};

/// `name`: labels with dots between them, no dot at the end, lower case.
[[nodiscard]] ClusterNames cluster_names(std::string_view name, const NameRules& rules);

}  // namespace sublet::launcher
