// SPDX-License-Identifier: Apache-2.0
// The process between `sublet exec` and CMD: CMD's parent (which Yama's ptrace_scope 1 asks for, where a host has
// that), and the agent of all that CMD starts, for as long as any of it lives.
#pragma once

#include <string>

#include "base/unique_fd.h"
#include "launcher/exec/command.h"
#include "launcher/session/grant.h"

namespace sublet::launcher {

struct ServerPlan {
  CommandPlan command;
  Grant grant;
  UniqueFd sockets;  // the channel that came with the grant
  UniqueFd names;    // the Services' names that came with it; may be empty
  std::string name_space;
};

// What it tells `sublet exec` (SOCK_SEQPACKET). End of file: it has ended by itself, and CMD with it.
inline constexpr const char* kStartedWord = "started";  // with CMD's pidfd
inline constexpr const char* kStoppedWord = "stopped";  // CMD was stopped by a signal
inline constexpr const char* kEndedWord = "ended ";     // CMD's exit status
inline constexpr const char* kKilledWord = "killed ";   // the signal that killed CMD
inline constexpr const char* kSayWord = "say ";         // for the user
inline constexpr const char* kErrorWord = "error ";     // CMD was not started
inline constexpr const char* kErrnoWord = "errno ";     // CMD could not be executed

/// Called in a forked child with one thread. Never returns.
[[noreturn]] void serve_command(ServerPlan plan, UniqueFd caller);

}  // namespace sublet::launcher
