// SPDX-License-Identifier: Apache-2.0
// The lock file that says whether a cluster lives. An open-file-description lock (fcntl(2), F_OFD_SETLK): it goes with
// the last copy of the descriptor, however the holder ends, and survives exec where the descriptor is passed on. Unlike
// flock(2) it can be looked at (F_OFD_GETLK) without being taken for a moment, so looking never disturbs one who takes
// it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::launcher {

/// Takes the lock on the open file; false if another has it.
[[nodiscard]] Result<bool> try_lock(int fd);
/// Whether another open file description holds the lock. Takes nothing.
[[nodiscard]] Result<bool> is_locked(int fd);

/// The holder says who it is.
Result<void> write_holder(int fd);
/// Who said so last; nothing if nobody did yet. True only while the lock is held.
[[nodiscard]] std::optional<pid_t> read_holder(int fd);

}  // namespace sublet::launcher
