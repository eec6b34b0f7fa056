// SPDX-License-Identifier: Apache-2.0
// What the host's cgroups would give us: where we are, the tightest memory limit above us, and whether we may make a
// cgroup v2 leaf of our own. A leaf is tried by making one and taking it away again; nothing is ever left or moved.
//
// Every function takes a root ("/" in life), below which proc/self/cgroup, proc/self/mountinfo and the mounts are read:
// a test gives it a tree of plain files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sublet::cgroups {

/// Which hierarchies are mounted. Hybrid: v1 has controllers, and a cgroup2 mount is there too (systemd's name).
enum class Layout { kNone, kV1, kHybrid, kUnified };
[[nodiscard]] std::string_view name_of(Layout layout);

/// proc_pid_cgroup(5): the path in each hierarchy. v1 is by controller ("memory"), named ones are left out.
struct Membership {
  std::optional<std::string> unified;
  std::map<std::string, std::string> v1;
};
[[nodiscard]] Membership parse_membership(std::string_view text);

/// A mounted hierarchy. `root` is the cgroup that is seen at `target` ("/" unless bind-mounted or in a container).
struct Mount {
  std::string root;
  std::string target;
  bool unified = false;
  std::vector<std::string> controllers;  // v1: the super options that name them
};
/// The cgroup and cgroup2 mounts of proc_pid_mountinfo(5). Octal escapes are undone.
[[nodiscard]] std::vector<Mount> parse_mounts(std::string_view mountinfo);

/// Where `cgroup` is seen below the mount: nothing if it is outside of what the mount shows.
[[nodiscard]] std::optional<std::string> directory_of(const Mount& mount, const std::string& cgroup);

/// The answer of probe_leaf().
struct Leaf {
  bool usable = false;
  std::string reason;                    // empty if usable
  std::string parent;                    // where the leaf can be made; empty if nowhere
  std::vector<std::string> controllers;  // what that leaf could be given
  Layout layout = Layout::kNone;
};

/// Whether we may make a cgroup v2 leaf inside our own allocation, move processes there and limit it: first beside our
/// own cgroup in a directory "sublet" that a hook made for us, then inside our own cgroup. Moving needs a writable
/// cgroup.procs in the target and in the common ancestor (cgroups(7), delegation containment). Usable only with the
/// memory controller: without it no limit of a pod would hold.
[[nodiscard]] Leaf probe_leaf(const std::string& root = "/");

/// Where cgroup v2 is mounted, if it is.
[[nodiscard]] std::optional<std::string> unified_mount(const std::string& root = "/");

/// The tightest memory.max (v2) or memory.limit_in_bytes (v1) from our cgroup up to the top of what is mounted, in
/// bytes. Nothing if none of them limits.
[[nodiscard]] std::optional<std::uint64_t> memory_limit(const std::string& root = "/");

}  // namespace sublet::cgroups
