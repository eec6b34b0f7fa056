// SPDX-License-Identifier: Apache-2.0
// The broker's own system call filter: it handles what strangers write, with rights to look into their processes. A
// list of what it does; what is not on it fails with EPERM, and what only an attacker would call ends the process.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <vector>

#include "base/result.h"

namespace sublet::bypass {

/// The filter for the architecture at hand; empty for one that nobody has written the list for. `self`: the broker's
/// pid, which alone it may signal (abort(3)). Pure.
[[nodiscard]] std::vector<sock_filter> sandbox_filter(pid_t self);

/// Puts all threads under it. For good. Needs no_new_privs.
Result<void> enter_sandbox();

}  // namespace sublet::bypass
