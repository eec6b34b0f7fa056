// SPDX-License-Identifier: Apache-2.0
// Which clusters of a user are on this host: a look into the state directories, alive or left behind by a killed run.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/state/choice.h"

namespace sublet::launcher {

struct Cluster {
  std::string path;  // its state directory
  ClusterId id;
  bool alive = false;           // its lock is held
  std::optional<pid_t> holder;  // who holds it
  std::string status;           // the text of status.json; empty if there is none (yet)
};

/// All clusters of `uid` below `bases`, by path; the same base named twice counts once. Directories that are not ours
/// and private are passed over: nobody else's may be taken for a cluster. Takes no lock and changes nothing.
[[nodiscard]] std::vector<Cluster> find_clusters(const std::vector<std::string>& bases, std::uint32_t uid);

}  // namespace sublet::launcher
