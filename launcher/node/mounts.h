// SPDX-License-Identifier: Apache-2.0
// The new root: a tmpfs with the host bound read-only, the user's directories writable at their own paths, and private
// /run, /tmp, /var/lib, /var/log, /dev/shm, /dev/pts, with /etc and /opt as folders of links so that new entries can be
// made. plan_root() decides and is pure; apply() does it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

/// One thing to do while the new root is made. Targets are paths of the new root.
struct MountStep {
  enum class Kind {
    kDirectory,     // mkdir -p target
    kTmpfs,         // a tmpfs; source holds its options
    kBind,          // source with all below it
    kBindReadOnly,  // the same, nothing of it writable by way of this mount
    kBindOne,       // source alone, without what is mounted below it
    kSymlink,       // target is a link to source
    kLinkFarm,      // target gets a link to each entry of the host's directory source, by way of `via`
    kFile,          // target gets the text in source
    kProc,
    kSysfs,
    kCgroup2,          // read-only
    kCgroup2Writable,  // where the root of the cgroup namespace is ours
    kDevpts,
  };
  Kind kind;
  std::string source;
  std::string target;
  std::string via;        // kLinkFarm: where that directory is seen inside
  bool optional = false;  // a failure is reported, and the step left out
};

/// What plan_root() goes by.
struct RootFacts {
  std::string state_dir;
  std::vector<std::string> top_level;  // names in the host's /: directories and links, without . and ..
  std::vector<std::string> top_links;  // those of them that are links (bin → usr/bin), as "name=target"
  bool host_has_opt = false;
  std::vector<std::string> writable;                       // the user's directories, absolute and existing
  std::vector<std::pair<std::string, std::string>> binds;  // source, target
  std::vector<std::pair<std::string, std::string>> read_only_binds;
  std::string resolv_conf;  // the text for inside
  bool fresh_proc = true;
  bool fresh_sysfs = true;
  bool own_cgroup = false;  // the cluster has a cgroup of its own
};
[[nodiscard]] std::vector<MountStep> plan_root(const RootFacts& facts);

/// Which of the candidate directories are shown writable: absolute, not the root, not in or around what is private
/// inside (/proc, /run …), none inside another that is shown already; in an order in which outer ones come first.
[[nodiscard]] std::vector<std::string> writable_places(const std::vector<std::string>& candidates,
                                                       const std::string& state_dir);

[[nodiscard]] nlohmann::json to_json(const MountStep& step);
[[nodiscard]] Result<MountStep> mount_step_from_json(const nlohmann::json& json);

/// Builds the root under `root` (an existing directory), makes it the root, and leaves the old one behind. Optional
/// steps that failed are added to `left_out` as "what: why".
Result<void> make_root(const std::string& root, const std::vector<MountStep>& steps,
                       std::vector<std::string>& left_out);

}  // namespace sublet::launcher
