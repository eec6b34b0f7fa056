// SPDX-License-Identifier: Apache-2.0
// Emptying a state directory. Files of subordinate ids, which pods leave behind, can't be removed by their user from
// outside: for those a process of a new user namespace with the same id maps does it (`sublet clean-up DIR`, a hidden
// verb).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

/// The lock file of a state directory; it is removed last.
inline constexpr const char* kLockFile = "lock";

/// How foreign files are removed. Default-made: not at all (the single-UID rung has none).
struct Cleaner {
  /// Writes the id maps of the new user namespace, as those of the cluster.
  std::function<Result<void>(pid_t)> write_id_maps;
  /// What runs clean_up_main(); the directory is appended. Empty: our own executable, "clean-up".
  std::vector<std::string> command;
};

/// Removes all in `directory` but its lock file; never follows a link, never enters another mount. Plainly first, then
/// by `cleaner` if something is not the user's. False: it was empty already. Something still mounted, or written to all
/// the while, is an error.
Result<bool> empty_state_directory(const std::string& directory, const Cleaner& cleaner);

/// The hidden verb: argv is {"sublet", "clean-up", DIR}. Touches nothing but a state directory of sublet's
/// (…/sublet-UID/…, with a lock file). Returns the exit status.
int clean_up_main(int argc, char** argv);

}  // namespace sublet::launcher
