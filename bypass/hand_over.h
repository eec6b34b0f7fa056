// SPDX-License-Identifier: Apache-2.0
// The wrapper's side of the keeper's socket. Light: see record.h.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bypass/record.h"

namespace sublet::bypass {

/// A connection to the keeper that listens at `path`. To be had before the filter is installed: what is under a filter
/// whose listener nobody took gets ENOSYS for every watched call.
[[nodiscard]] Result<UniqueFd> reach_keeper(const std::string& path);

/// Hands over the listener and the pod's network namespace, and waits for the keeper's word, at most 10 s.
Result<void> hand_over(int connection, const Record& record, int listener, int network);

}  // namespace sublet::bypass
