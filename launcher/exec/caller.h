// SPDX-License-Identifier: Apache-2.0
// `sublet exec` itself: starts the server, passes signals on to CMD, stops where CMD stops, ends as CMD ends.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/result.h"

namespace sublet::launcher {

struct ExecPlan {
  std::string state_dir;  // the cluster's
  std::string name_space = "default";
  std::string path;  // CMD, found
  std::vector<std::string> command;
  std::vector<int> inherited;  // descriptors from 3 on that are CMD's
  bool rather_bare = false;    // CMD runs even if it can't be given the cluster; a warning says why
};

/// Asks the launcher, runs CMD, tells how it ended.
[[nodiscard]] Result<ExitStatus> run_under_agent(ExecPlan plan);

/// The command of `run`: `sublet exec-run STATE_DIR PATH CMD…`, started by the launcher. Ends in the way that CMD does.
[[nodiscard]] int exec_run_main(int argc, char** argv);

}  // namespace sublet::launcher
