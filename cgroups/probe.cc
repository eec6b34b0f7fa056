// SPDX-License-Identifier: Apache-2.0
#include "cgroups/probe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/fs.h"
#include "base/strings.h"
#include "base/sys.h"
#include "cgroups/names.h"

namespace sublet::cgroups {
namespace {

// The effective ids count: access(2) would ask for the real ones.
Result<void> check_writable(const std::string& path) {
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0) return {};
  return fail_errno("write " + path);
}

// `ancestor` is the cgroup that holds both us and a child of `parent`.
Result<void> check_ours(const std::string& parent, const std::string& ancestor) {
  TRY(check_writable(ancestor + "/cgroup.procs"));
  TRY(check_writable(parent + "/cgroup.procs"));
  return check_writable(parent + "/cgroup.subtree_control");
}

Result<void> try_child(const std::string& parent) {
  const std::string child = parent + "/sublet-probe-" + std::to_string(::getpid());
  TRY(sys::mkdir(child, 0755));
  return sys::rmdir(child);
}

Result<void> need_memory(const std::string& directory, const Granted& granted) {
  if (has(granted.controllers, "memory")) return {};
  for (const std::string& refused : granted.refused)
    if (refused.starts_with("memory: ")) return fail("the memory controller is listed, but not to be had: " + refused);
  return fail(directory + "/cgroup.controllers lists no memory controller");
}

// A directory that a hook made, at our side or at that of a cgroup above us: the nearest one.
std::optional<std::string> find_handed_over(const Place& place) {
  for (std::string at = place.directory; at != place.top && at != "/";) {
    at = parent_of(at);
    if (fs::exists(at + "/" + kLeafName)) return at;
  }
  return std::nullopt;
}

Result<void> try_beside(const std::string& above, const Trial& trial, Leaf& leaf) {
  const std::string parent = above + "/" + kLeafName;
  TRY(check_ours(parent, above));
  TRY(try_child(parent));
  // Nobody is in it, so controllers can be tried in earnest.
  const Granted granted = grant(parent, trial.write);
  withdraw(parent, granted.added, trial.write);
  TRY(need_memory(parent, granted));
  leaf.kind = LeafKind::kBeside;
  leaf.parent = parent;
  leaf.controllers = granted.controllers;
  leaf.refused = granted.refused;
  return {};
}

Result<void> check_may_divide(const Place& place, Insist insist, const Trial& trial) {
  if (place.directory.find("/slurmstepd.scope/") != std::string::npos ||
      place.directory.find("_slurmstepd.scope/") != std::string::npos)
    return fail(place.directory + " is a task of Slurm's, which ends only what is not in cgroups below it");
  if (insist == Insist::kOn) return {};
  if (place.directory != place.top && !trial.is_delegated(place.directory))
    return fail(place.directory + " is not marked as delegated (systemd: Delegate=yes)");
  const std::string listed = TRY(fs::read_file(place.directory + "/cgroup.procs"));
  const std::string self = std::to_string(trial.self != 0 ? trial.self : ::getpid());
  for (const std::string& pid : lines(listed))
    if (pid != self) return fail("process " + pid + " is in " + place.directory + " too, and would have to move");
  return {};
}

Result<void> try_inside(const Place& place, Insist insist, const Trial& trial, Leaf& leaf) {
  TRY(check_ours(place.directory, place.directory));
  TRY(check_may_divide(place, insist, trial));
  TRY(try_child(place.directory));
  leaf.kind = LeafKind::kInside;
  leaf.parent = place.directory;
  // Not more can be tried without moving ourselves.
  std::erase_if(leaf.controllers, [](const std::string& name) { return !has(wanted_controllers(), name); });
  return {};
}

}  // namespace

Leaf probe_leaf(const std::string& root, Insist insist, const Trial& trial) {
  const View seen = look(root);
  Leaf leaf;
  leaf.layout = layout_of(seen.mounts);
  auto place = unified_place(seen);
  if (!place) {
    leaf.reason = leaf.layout == Layout::kV1 || leaf.layout == Layout::kNone ? "no cgroup v2 is mounted"
                                                                             : "our own cgroup is not visible";
    return leaf;
  }
  leaf.controllers = controllers_in(place->directory, "cgroup.controllers");
  if (auto above = find_handed_over(*place)) {
    if (auto tried = try_beside(*above, trial, leaf); !tried) leaf.reason = tried.error().what;
  }
  if (leaf.parent.empty()) {
    if (!has(leaf.controllers, "memory")) {
      leaf.reason += (leaf.reason.empty() ? "" : "; ") + place->directory +
                     "/cgroup.controllers lists no memory controller" +
                     (leaf.layout == Layout::kHybrid ? " (hybrid: cgroup v1 has it)" : "");
      return leaf;
    }
    if (auto tried = try_inside(*place, insist, trial, leaf); !tried)
      leaf.reason += (leaf.reason.empty() ? "" : "; ") + tried.error().what;
  }
  leaf.usable = !leaf.parent.empty();
  if (leaf.usable) leaf.reason.clear();
  return leaf;
}

}  // namespace sublet::cgroups
