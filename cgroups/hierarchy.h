// SPDX-License-Identifier: Apache-2.0
// Where we are among the host's cgroups: which hierarchies are mounted, our own place in them, and the way from a
// cgroup's path to its directory. Only reads.
//
// Every function that looks takes a root ("/" in life), below which proc/self/cgroup, proc/self/mountinfo and the
// mounts are read: a test gives it a tree of plain files.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

struct View {
  Membership membership;
  std::vector<Mount> mounts;
};
[[nodiscard]] View look(const std::string& root = "/");
[[nodiscard]] Layout layout_of(const std::vector<Mount>& mounts);

/// A cgroup's directory, and the top of the mount that shows it, where a walk upwards ends.
struct Place {
  std::string directory;
  std::string top;
};
/// Our own, in cgroup v2.
[[nodiscard]] std::optional<Place> unified_place(const View& seen);
/// That of a cgroup v2 path.
[[nodiscard]] std::optional<Place> place_of(const View& seen, const std::string& cgroup);
/// Our own, in the v1 hierarchy that has this controller.
[[nodiscard]] std::optional<Place> v1_place(const View& seen, const std::string& controller);

/// Where cgroup v2 is mounted, if it is.
[[nodiscard]] std::optional<std::string> unified_mount(const std::string& root = "/");

/// The directory above; "/" above the first.
[[nodiscard]] std::string parent_of(const std::string& path);

}  // namespace sublet::cgroups
