// SPDX-License-Identifier: Apache-2.0
// Of which resources the API server keeps no copy in its memory.
#pragma once

#include <string>

namespace sublet::launcher {

/// The value of kube-apiserver's --watch-cache-sizes: "RESOURCE[.GROUP]#0,…". 0 means that there is none; by its help
/// no other size has a meaning. What is asked of those comes from etcd instead, with the same answers.
[[nodiscard]] std::string without_watch_cache();

}  // namespace sublet::launcher
