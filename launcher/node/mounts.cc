// SPDX-License-Identifier: Apache-2.0
#include "launcher/node/mounts.h"

#include <dirent.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/handle.h"
#include "base/sys.h"

// <sys/mount.h> clashes with <linux/mount.h> in glibc 2.36; these come from the former.
#ifndef MS_REC
#define MS_REC 16384
#endif
#ifndef MS_UNBINDABLE
#define MS_UNBINDABLE (1 << 17)
#endif

namespace sublet::launcher {
namespace {

using nlohmann::json;
using Kind = MountStep::Kind;

constexpr std::array kKinds = {
    std::pair(Kind::kDirectory, "directory"),
    std::pair(Kind::kTmpfs, "tmpfs"),
    std::pair(Kind::kBind, "bind"),
    std::pair(Kind::kBindReadOnly, "bind-read-only"),
    std::pair(Kind::kBindOne, "bind-one"),
    std::pair(Kind::kSymlink, "symlink"),
    std::pair(Kind::kLinkFarm, "link-farm"),
    std::pair(Kind::kFile, "file"),
    std::pair(Kind::kProc, "proc"),
    std::pair(Kind::kSysfs, "sysfs"),
    std::pair(Kind::kCgroup2, "cgroup2"),
    std::pair(Kind::kDevpts, "devpts"),
    std::pair(Kind::kCgroup2Writable, "cgroup2-writable"),
};

const char* name_of(Kind kind) {
  return std::find_if(kKinds.begin(), kKinds.end(), [&](auto& k) { return k.first == kind; })->second;
}

// A mount point of the same sort as the source: a file for a file.
Result<void> make_mount_point(const std::string& source, const std::string& target) {
  struct stat st = TRY(sys::stat(source));
  if (S_ISDIR(st.st_mode)) return fs::make_directories(target);
  if (fs::exists(target)) return {};
  TRY(fs::make_directories(target.substr(0, target.rfind('/'))));
  return fs::write_file(target, "", 0644);
}

Result<void> bind(const MountStep& step, const std::string& target) {
  TRY(make_mount_point(step.source, target));
  unsigned long recursive = step.kind == Kind::kBindOne ? 0 : MS_REC;
  TRY(sys::mount(step.source, target, "", MS_BIND | recursive));
  if (step.kind != Kind::kBindReadOnly) return {};
  return sys::mount_setattr(target, MOUNT_ATTR_RDONLY, 0, true);
}

Result<void> link_farm(const MountStep& step, const std::string& target) {
  Handle<DIR, ::closedir> directory(::opendir(step.source.c_str()));
  if (!directory) return fail_errno("open " + step.source);
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    // What is there already is a private entry.
    if (name == "." || name == ".." || fs::exists(target + "/" + name)) continue;
    TRY(sys::symlink(step.via + "/" + name, target + "/" + name));
  }
  return {};
}

Result<void> do_step(const MountStep& step, const std::string& target) {
  constexpr unsigned long kPlain = MS_NOSUID | MS_NODEV;
  switch (step.kind) {
    case Kind::kDirectory: return fs::make_directories(target);
    case Kind::kTmpfs:
      TRY(fs::make_directories(target));
      return sys::mount("tmpfs", target, "tmpfs", kPlain, step.source);
    case Kind::kBind:
    case Kind::kBindReadOnly:
    case Kind::kBindOne: return bind(step, target);
    case Kind::kSymlink: return sys::symlink(step.source, target);
    case Kind::kLinkFarm: return link_farm(step, target);
    case Kind::kFile: return fs::write_file(target, step.source, 0644);
    case Kind::kProc: TRY(fs::make_directories(target)); return sys::mount("proc", target, "proc", kPlain | MS_NOEXEC);
    case Kind::kSysfs:
      TRY(fs::make_directories(target));
      return sys::mount("sysfs", target, "sysfs", kPlain | MS_NOEXEC);
    // Read-only: with no controllers to use, a runc that can mkdir there but not move a process gives up, and what it
    // made would outlive us.
    case Kind::kCgroup2: return sys::mount("cgroup2", target, "cgroup2", kPlain | MS_NOEXEC | MS_RDONLY);
    case Kind::kCgroup2Writable: return sys::mount("cgroup2", target, "cgroup2", kPlain | MS_NOEXEC);
    case Kind::kDevpts:
      return sys::mount("devpts", target, "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620");
  }
  return fail("unknown mount step");
}

bool within(const std::string& path, const std::string& directory) {
  return path == directory ||
         (path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/');
}

}  // namespace

std::vector<std::string> writable_places(const std::vector<std::string>& candidates, const std::string& state_dir) {
  constexpr std::array kPrivate = {"/proc", "/sys", "/dev", "/run", "/etc", "/var/lib", "/var/log"};
  std::vector<std::string> places;
  for (const std::string& candidate : candidates) {
    if (candidate.size() < 2 || candidate[0] != '/') continue;
    auto clashes = [&](const std::string& other) { return within(candidate, other) || within(other, candidate); };
    if (std::any_of(kPrivate.begin(), kPrivate.end(), clashes)) continue;
    // /tmp as a whole is private inside; a directory below it is the user's. The state directory is never shown twice.
    if (candidate == "/tmp" || clashes(state_dir)) continue;
    places.push_back(candidate);
  }
  std::sort(places.begin(), places.end(), [](auto& a, auto& b) { return a.size() < b.size(); });
  std::vector<std::string> outer;
  for (const std::string& place : places)
    if (std::none_of(outer.begin(), outer.end(), [&](auto& o) { return within(place, o); })) outer.push_back(place);
  return outer;
}

std::vector<MountStep> plan_root(const RootFacts& facts) {
  std::vector<MountStep> steps;
  auto add = [&](Kind kind, std::string source, std::string target, bool optional = false) {
    steps.push_back({kind, std::move(source), std::move(target), "", optional});
  };
  constexpr std::array kOwn = {"proc", "sys", "dev", "run", "etc", "opt", "tmp"};
  for (const std::string& link : facts.top_links) {
    std::size_t equals = link.find('=');
    add(Kind::kSymlink, link.substr(equals + 1), "/" + link.substr(0, equals), true);
  }
  for (const std::string& name : facts.top_level)
    if (std::find(kOwn.begin(), kOwn.end(), name) == kOwn.end())
      // Optional: an automount that is gone or a directory we may not search must not keep a cluster from starting.
      add(Kind::kBindReadOnly, "/" + name, "/" + name, true);
  add(Kind::kTmpfs, "mode=755", "/run");
  add(Kind::kBindOne, facts.state_dir, "/run/sublet");
  add(Kind::kBindReadOnly, "/etc", "/run/host/etc");
  add(Kind::kTmpfs, "mode=755", "/etc");
  add(Kind::kDirectory, "", "/etc/cni/net.d");
  add(Kind::kFile, facts.resolv_conf, "/etc/resolv.conf");
  steps.push_back({Kind::kLinkFarm, "/etc", "/etc", "/run/host/etc", false});
  add(Kind::kTmpfs, "mode=755", "/opt");
  add(Kind::kDirectory, "", "/opt/cni/bin");
  if (facts.host_has_opt) {
    add(Kind::kBindReadOnly, "/opt", "/run/host/opt");
    steps.push_back({Kind::kLinkFarm, "/opt", "/opt", "/run/host/opt", false});
  }
  add(Kind::kBind, facts.state_dir + "/tmp", "/tmp");
  add(Kind::kBind, facts.state_dir + "/lib", "/var/lib");
  add(Kind::kBind, facts.state_dir + "/varlog", "/var/log");
  add(Kind::kBind, "/dev", "/dev");
  add(Kind::kTmpfs, "mode=1777", "/dev/shm");
  add(Kind::kDevpts, "", "/dev/pts");
  if (facts.fresh_proc)
    add(Kind::kProc, "", "/proc");
  else
    add(Kind::kBind, "/proc", "/proc");
  if (facts.fresh_sysfs)
    add(Kind::kSysfs, "", "/sys");
  else
    add(Kind::kBind, "/sys", "/sys");
  if (facts.own_cgroup)
    add(Kind::kCgroup2Writable, "", "/sys/fs/cgroup");
  else
    add(Kind::kCgroup2, "", "/sys/fs/cgroup", true);
  for (const std::string& place : facts.writable) add(Kind::kBind, place, place);
  for (const auto& [source, target] : facts.binds) add(Kind::kBind, source, target);
  for (const auto& [source, target] : facts.read_only_binds) add(Kind::kBindReadOnly, source, target);
  return steps;
}

Result<void> make_root(const std::string& root, const std::vector<MountStep>& steps,
                       std::vector<std::string>& left_out) {
  // Nothing of ours may show outside. Slave, not private: what is mounted on the host later still shows up inside.
  TRY(sys::mount("", "/", "", MS_REC | MS_SLAVE));
  TRY(sys::mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"));
  // What is bound of the host may have the state directory in it, and so the root that is being made: it would have a
  // copy of itself inside, and the kubelet would look for the figures of its disk there. Undone with the last mount().
  TRY(sys::mount("", root, "", MS_UNBINDABLE));
  for (const MountStep& step : steps) {
    auto done = do_step(step, root + step.target);
    if (done) continue;
    std::string what = std::string("making the root: ") + name_of(step.kind) + " " + step.target;
    if (!step.optional) return tl::unexpected(std::move(done).error().while_doing(what));
    left_out.push_back(what + ": " + done.error().what);
  }
  // A program that opens /dev/ptmx must get the devpts of this root.
  TRY(sys::mount(root + "/dev/pts/ptmx", root + "/dev/ptmx", "", MS_BIND));
  TRY(sys::pivot_root(root));
  // The kubelet wants shared propagation for volumes that pods mount themselves (mountPropagation: Bidirectional).
  return sys::mount("", "/", "", MS_REC | MS_SHARED);
}

json to_json(const MountStep& step) {
  return {{"kind", name_of(step.kind)},
          {"source", step.source},
          {"target", step.target},
          {"via", step.via},
          {"optional", step.optional}};
}

Result<MountStep> mount_step_from_json(const json& object) {
  if (!object.is_object()) return fail("a mount step is not an object");
  for (const char* name : {"kind", "source", "target", "via"})
    if (!object.contains(name) || !object[name].is_string()) return fail(std::string("mount step without ") + name);
  if (!object.contains("optional") || !object["optional"].is_boolean()) return fail("mount step without optional");
  const auto kind_name = object["kind"].get<std::string>();
  const auto* kind = std::find_if(kKinds.begin(), kKinds.end(), [&](auto& k) { return kind_name == k.second; });
  if (kind == kKinds.end()) return fail("mount step of unknown kind " + kind_name);
  return MountStep{kind->first, object["source"], object["target"], object["via"], object["optional"].get<bool>()};
}

}  // namespace sublet::launcher
