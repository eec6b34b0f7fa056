// SPDX-License-Identifier: Apache-2.0
// The one directory that holds all of a cluster: made safely where others may write too, locked for the launcher's
// life, and removed with all in it. Whoever has the StateDir has the lock.
//
// The race between one that ends and one that begins is settled by the lock file's inode: a lock counts only if the
// file is still the one at its path. So the ender may unlink it, and a beginner that opened it before tries again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "launcher/state/choice.h"
#include "launcher/state/clean_up.h"

namespace sublet::launcher {

struct StatePlan {
  std::string base;  // absolute, of choose_state_base()
  std::uint32_t uid = 0;
  ClusterId id;
  std::vector<std::string> other_bases;  // where a live cluster of the same id would also take the name
};

class StateDir {
 public:
  /// Makes (or takes over) BASE/sublet-UID/<job>-<name>, mode 0700, takes its lock, and clears what a killed run left
  /// in it
  /// (`cleared_stale()` tells). Errors: a base that is remote, not safe or full; a directory that is not ours; a name
  /// that is taken (the holder's pid is named).
  [[nodiscard]] static Result<StateDir> create(const StatePlan& plan, const Cleaner& cleaner);

  /// In a re-executed launcher: goes on with the lock that create() took and passed here as a descriptor.
  [[nodiscard]] static Result<StateDir> adopt(const std::string& path, UniqueFd lock);

  /// Takes over a directory whose holder is gone, to remove it. Error: it is held (nothing was touched), or not ours.
  [[nodiscard]] static Result<StateDir> take_stale(const std::string& path, std::uint32_t uid);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// CLOEXEC; pass it to the process that shall hold the cluster (Command::fds), which calls adopt().
  [[nodiscard]] int lock_fd() const { return lock_.get(); }
  [[nodiscard]] bool cleared_stale() const { return cleared_stale_; }

  /// "PATH/name"
  [[nodiscard]] std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  /// Replaces PATH/status.json, which `status` of other processes reads, in one step.
  Result<void> write_status(std::string_view json) const;

  /// Removes everything, BASE/sublet-UID too if it is empty then. The lock is let go last, also where it fails: then
  /// the rest is stale, to be cleared by the next `up` or by `down --stale`.
  Result<void> remove(const Cleaner& cleaner) &&;

 private:
  StateDir(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
  bool cleared_stale_ = false;
};

inline constexpr const char* kStatusFile = "status.json";

/// Whether other users can't swap what we make in `base`: it belongs to us or root, and is sticky where others may
/// write.
Result<void> check_base(const std::string& base, std::uint32_t uid);

}  // namespace sublet::launcher
