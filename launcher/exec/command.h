// SPDX-License-Identifier: Apache-2.0
// From a process just forked to CMD: goes under the filter, hands out the listener, waits for the word, executes.
#pragma once

#include <signal.h>

#include <string>
#include <vector>

namespace sublet::launcher {

/// Says under which cluster's agent a program is: the state directory, a colon, the namespace of short names.
inline constexpr const char* kExecVariable = "SUBLET_EXEC";

struct CommandPlan {
  std::string path;
  std::vector<std::string> argv;
  std::vector<int> inherited;  // descriptors that are its, too
  std::string mark;            // the value of kExecVariable
  sigset_t signals;            // those that were blocked before we began
  bool may_be_bare = false;    // go on without a filter if there can be none
};

// What it says on its channel (SOCK_SEQPACKET), which is closed by a successful exec.
inline constexpr const char* kListenerWord = "listener";  // with the descriptor
inline constexpr const char* kInsideWord = "inside";   // under this very agent already: goes on without one of its own
inline constexpr const char* kBareWord = "bare ";      // goes on without, and why
inline constexpr const char* kFailedWord = "failed ";  // why it does not go on
inline constexpr const char* kExecWord = "exec ";      // exec failed: errno
inline constexpr const char* kGoWord = "go";           // to it

/// Called in a forked child with one thread. Never returns.
[[noreturn]] void become_command(const CommandPlan& plan, int channel);

}  // namespace sublet::launcher
