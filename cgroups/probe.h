// SPDX-License-Identifier: Apache-2.0
// Whether we may make a cgroup v2 leaf inside our own allocation. A leaf is tried by making one, giving it controllers
// and taking all that back; no process is moved and nothing is left.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cgroups/controllers.h"
#include "cgroups/hierarchy.h"
#include "cgroups/limits.h"

namespace sublet::cgroups {

/// Where a leaf is made. kBeside: in a directory "sublet" beside our own cgroup (or beside one above it), that an
/// administrator's hook handed over; we stay where the workload manager put us. kInside: in our own cgroup, which is
/// ours; then we must move into a leaf too, for a cgroup with controllers for its children has no processes of its own
/// (cgroups(7), "no internal processes").
enum class LeafKind { kBeside, kInside };

/// The answer of probe_leaf().
struct Leaf {
  bool usable = false;
  std::string reason;  // empty if usable
  LeafKind kind = LeafKind::kBeside;
  std::string parent;                    // where the leaf can be made; empty if nowhere
  std::vector<std::string> controllers;  // what that leaf could be given; where none can be made: what there is
  std::vector<std::string> refused;      // "cpu: reason": listed there, and yet not to be had
  Layout layout = Layout::kNone;
};

/// Whether our own cgroup is divided though nobody said that it is ours to divide, or others are in it (who are then
/// moved into a leaf beside the launcher's).
enum class Insist { kOff, kOn };

/// How things are tried; a test has its own.
struct Trial {
  WriteFile write = write_cgroup_file;
  std::function<bool(const std::string& directory)> is_delegated = is_delegated_by_systemd;
  pid_t self = 0;  // 0: getpid()
};

/// First beside our own cgroup, then inside it. Moving a process needs a writable cgroup.procs in the target and in the
/// common ancestor (cgroups(7), delegation containment). Usable only with the memory controller: without it no limit of
/// a pod would hold. Our own cgroup is divided only
/// - if systemd says that it is delegated (a unit with Delegate=), or it is the top of what we see (a container), since
///   whoever manages it might take it back or count on it otherwise (systemd: CGROUP_DELEGATION.md);
/// - if nobody but us is in it, for everybody in it would have to move;
/// - never where Slurm made it: Slurm ends what is in a task's cgroup, not below it, and then can't remove it.
/// `insist` waives the first two. `root` as in hierarchy.h.
[[nodiscard]] Leaf probe_leaf(const std::string& root = "/", Insist insist = Insist::kOff, const Trial& trial = {});

}  // namespace sublet::cgroups
