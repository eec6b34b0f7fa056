// SPDX-License-Identifier: Apache-2.0
#include "launcher/state/state_dir.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>

#include "base/fs.h"
#include "base/sys.h"
#include "launcher/facts/filesystem.h"
#include "launcher/state/clusters.h"
#include "launcher/state/lock.h"

namespace sublet::launcher {
namespace {

// Each further attempt needs another cluster of the same user to begin or end in between.
constexpr int kAttempts = 100;
constexpr std::uint32_t kOverflowUid = 65534;  // how root looks in a user namespace that does not map it
const std::string kElsewhere = "set state.dir (or SUBLET_STATE_DIR) to a directory of your own on a local disk";

Error explained(Error error, const std::string& base) {
  if (error.is(ENOSPC) || error.is(EDQUOT))
    return std::move(error).with_hint("the file system of " + base +
                                      " is full (space, inodes or quota): free some, or " + kElsewhere);
  if (error.is(EACCES) || error.is(EROFS) || error.is(EPERM)) return std::move(error).with_hint(kElsewhere);
  return error;
}

Unexpected not_ours(const std::string& path, const std::string& why) {
  return fail(path + " " + why + ": somebody else may have made it to catch your files",
              "remove it, ask its owner or an administrator to, or " + kElsewhere);
}

// That `path` itself is a directory which nobody but us can look into.
Result<void> check_is_private(const std::string& path, std::uint32_t uid) {
  const struct stat st = TRY(sys::lstat(path));
  if (S_ISLNK(st.st_mode)) return not_ours(path, "is a symbolic link");
  if (!S_ISDIR(st.st_mode)) return not_ours(path, "is not a directory");
  if (st.st_uid != uid) return not_ours(path, "belongs to user id " + std::to_string(st.st_uid));
  if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(path + " may be entered by others (it should have mode 0700)",
                "if all in it is yours: chmod 0700 " + path + "; else remove it");
  return {};
}

// True: it is there and private. False: its parent went away meanwhile.
Result<bool> make_private(const std::string& path, std::uint32_t uid) {
  auto made = sys::mkdir(path, 0700);
  if (!made && made.error().is(ENOENT)) return false;
  if (!made && !made.error().is(EEXIST)) return tl::unexpected(std::move(made).error());
  if (made) (void)sys::chmod(path, 0700);  // a umask may have taken bits of ours
  auto checked = check_is_private(path, uid);
  if (!checked && checked.error().is(ENOENT)) return false;
  if (!checked) return tl::unexpected(std::move(checked).error());
  return true;
}

Unexpected taken(const std::string& path, const std::optional<pid_t>& holder) {
  const auto id = parse_directory_name(path.substr(path.rfind('/') + 1)).value_or(ClusterId{});
  return fail("name taken: a cluster called \"" + id.name + "\" is running" +
                  (holder ? " (process " + std::to_string(*holder) + ")" : "") + ", with its state in " + path,
              "end it with `sublet down --name " + id.name + "`, or take another name with --name");
}

// The lock of `path`; nothing if the directory was removed meanwhile: begin again.
Result<std::optional<UniqueFd>> lock_directory(const std::string& path) {
  const std::string file = path + "/" + kLockFile;
  auto opened = sys::open(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (!opened && opened.error().is(ENOENT)) return std::optional<UniqueFd>();
  if (!opened) return tl::unexpected(std::move(opened).error());
  if (!TRY_WHILE(file, try_lock(opened->get()))) return taken(path, read_holder(opened->get()));
  struct stat locked {};
  struct stat at_path {};
  if (::fstat(opened->get(), &locked) != 0) return fail_errno("stat " + file);
  if (::lstat(file.c_str(), &at_path) != 0 || locked.st_ino != at_path.st_ino || locked.st_dev != at_path.st_dev)
    return std::optional<UniqueFd>();
  return std::optional(*std::move(opened));
}

Result<UniqueFd> make_and_lock(const std::string& parent, const std::string& path, std::uint32_t uid) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (!TRY(make_private(parent, uid))) {
      if (!fs::exists(parent.substr(0, parent.rfind('/')) + "/."))
        return fail(parent + ": its directory is missing", kElsewhere);
      continue;
    }
    if (!TRY(make_private(path, uid))) continue;
    std::optional<UniqueFd> lock = TRY(lock_directory(path));
    if (lock) return *std::move(lock);
  }
  return fail(path + " keeps being removed while it is made");
}

Result<void> check_filesystem(const std::string& base) {
  const Filesystem found = classify_filesystem(TRY(fs::magic(base)));
  if (found.kind != FilesystemKind::kNetwork && found.kind != FilesystemKind::kFuse) return {};
  return fail(base + " is on a network file system (" + found.name + "), which can't hold a cluster's state",
              kElsewhere, ExitCode::kPrerequisite);
}

Result<void> check_no_other(const StatePlan& plan) {
  std::vector<std::string> bases = plan.other_bases;
  std::erase(bases, plan.base);
  for (const Cluster& cluster : find_clusters(bases, plan.uid))
    if (cluster.id == plan.id && cluster.alive) return taken(cluster.path, cluster.holder);
  return {};
}

}  // namespace

Result<void> check_base(const std::string& base, std::uint32_t uid) {
  const struct stat st = TRY(sys::stat(base));
  if (!S_ISDIR(st.st_mode)) return fail(base + " is not a directory", kElsewhere, ExitCode::kPrerequisite);
  if (st.st_uid != uid && st.st_uid != 0 && st.st_uid != kOverflowUid)
    return fail(base + " belongs to another user (id " + std::to_string(st.st_uid) + "), who could swap what is in it",
                kElsewhere, ExitCode::kPrerequisite);
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0)
    return fail(base + " may be written by others and is not sticky: they could swap what is in it",
                "chmod go-w " + base + ", or " + kElsewhere, ExitCode::kPrerequisite);
  return {};
}

Result<StateDir> StateDir::create(const StatePlan& plan, const Cleaner& cleaner) {
  if (!plan.base.starts_with('/')) return fail("state directory " + plan.base + " is not an absolute path");
  const std::string parent = user_directory(plan.base, plan.uid);
  const std::string path = parent + "/" + directory_name(plan.id);
  const std::string doing = "making the state directory";
  TRY(check_path_length(path));
  TRY_WHILE(doing, check_base(plan.base, plan.uid));
  TRY_WHILE(doing, check_filesystem(plan.base));
  TRY(check_no_other(plan));
  auto made = [&]() -> Result<StateDir> {
    StateDir state(path, TRY(make_and_lock(parent, path, plan.uid)));
    TRY_WHILE(state.file(kLockFile), write_holder(state.lock_fd()));
    state.cleared_stale_ = TRY_WHILE("clearing what an earlier run left", empty_state_directory(path, cleaner));
    return state;
  }();
  if (!made) return tl::unexpected(explained(std::move(made).error(), plan.base).while_doing(doing));
  return made;
}

Result<StateDir> StateDir::adopt(const std::string& path, UniqueFd lock) {
  const struct stat at_path = TRY(sys::lstat(path + "/" + kLockFile));
  struct stat locked {};
  if (::fstat(lock.get(), &locked) != 0) return fail_errno("stat of the lock passed for " + path);
  if (locked.st_ino != at_path.st_ino || locked.st_dev != at_path.st_dev || !TRY(try_lock(lock.get())))
    return fail("the descriptor passed for " + path + " is not its lock");
  if (::fcntl(lock.get(), F_SETFD, FD_CLOEXEC) != 0) return fail_errno("FD_CLOEXEC");
  StateDir state(path, std::move(lock));
  TRY_WHILE(state.file(kLockFile), write_holder(state.lock_fd()));
  return state;
}

Result<StateDir> StateDir::take_stale(const std::string& path, std::uint32_t uid) {
  TRY(check_is_private(path.substr(0, path.rfind('/')), uid));
  TRY(check_is_private(path, uid));
  std::optional<UniqueFd> lock = TRY(lock_directory(path));
  if (!lock) return fail_errno(path, ENOENT);
  return StateDir(path, *std::move(lock));
}

Result<void> StateDir::write_status(std::string_view json) const {
  return fs::write_file(file(kStatusFile), json, 0600);
}

Result<void> StateDir::remove(const Cleaner& cleaner) && {
  const UniqueFd lock = std::move(lock_);
  (void)TRY_WHILE("removing the state directory", empty_state_directory(path_, cleaner));
  // From here on the directory may be another's: a cluster of the same name that begins makes a lock file of its own.
  TRY(sys::unlink(file(kLockFile)));
  for (const std::string& directory : {path_, path_.substr(0, path_.rfind('/'))}) {
    auto removed = sys::rmdir(directory);
    if (!removed && (removed.error().is(ENOTEMPTY) || removed.error().is(EEXIST) || removed.error().is(ENOENT)))
      return {};
    if (!removed) return removed;
  }
  return {};
}

}  // namespace sublet::launcher
