// SPDX-License-Identifier: Apache-2.0
// The processes inside that are not services of ours: pods and their shims, when the cluster is taken down.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

struct ProcessFacts {
  pid_t pid = 0;
  std::string comm;
  bool service = false;         // one of the supervisor's
  bool namespace_init = false;  // pid 1 of its own namespace
  bool catches_term = false;    // has a handler for SIGTERM
  bool zombie = false;
};

enum class Farewell {
  kNone,       // a service, a shim, a zombie: it goes with the rest
  kTerminate,  // SIGTERM, then time to finish
  kKill,       // SIGKILL now: pid 1 of a pid namespace without a handler never sees SIGTERM (pid_namespaces(7))
};
[[nodiscard]] Farewell farewell(const ProcessFacts& process);

/// SigCgt of /proc/PID/status holds the signal's bit (proc(5)).
[[nodiscard]] bool catches(std::string_view status_text, int signal);
/// NSpid of /proc/PID/status ends in 1 and has more than one level.
[[nodiscard]] bool is_namespace_init(std::string_view status_text);

/// All processes but ourselves, as /proc (the one of this pid namespace) shows them.
[[nodiscard]] Result<std::vector<ProcessFacts>> processes(const std::vector<pid_t>& services);

}  // namespace sublet::launcher
