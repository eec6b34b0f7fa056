// SPDX-License-Identifier: Apache-2.0
#include "cgroups/inner.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sys.h"
#include "cgroups/controllers.h"
#include "cgroups/hierarchy.h"
#include "cgroups/names.h"
#include "cgroups/tree.h"

namespace sublet::cgroups {
namespace {

// What pods must not take from the control plane by sheer weight: about what it needs when idle. Of use where memory is
// short in HOME itself; a limit above that reclaims from all in it alike.
constexpr const char* kProtected = "536870912";

Result<void> remove_at(int base, const std::string& name) {
  constexpr int kTries = 200;
  constexpr int kBetweenMs = 5;
  for (int i = 0;; ++i) {
    if (::unlinkat(base, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY || i == kTries) return fail_errno("rmdir " + name);
    (void)::poll(nullptr, 0, kBetweenMs);
  }
}

}  // namespace

Result<Inner> Inner::enter(std::vector<std::string>& refused) {
  auto place = unified_place(look());
  if (!place) return fail("our own cgroup is not visible");
  const std::string home = place->directory;
  const std::string base = parent_of(home);
  Inner inner;
  inner.name_ = home.substr(home.rfind('/') + 1);
  if (!inner.name_.starts_with(kHomePrefix)) return fail(home + " is no cluster's cgroup");
  inner.base_ = TRY(sys::open(base, O_RDONLY | O_DIRECTORY));
  if (auto procs = sys::open(base + "/cgroup.procs", O_WRONLY)) inner.base_procs_ = std::move(*procs);
  inner.lock_ = TRY(lock_cgroup(home, Lock::kShared, std::chrono::milliseconds(0)));
  TRY(sys::unshare(CLONE_NEWCGROUP));
  const std::string leaf = home + "/" + kSystemName;
  TRY(move_process(0, leaf));
  Granted granted = grant(home);
  inner.controllers_ = granted.controllers;
  refused = granted.refused;
  (void)write_cgroup_file(leaf + "/memory.low", kProtected);  // a help, not a need
  return inner;
}

Result<void> Inner::leave() const {
  const std::string home = kInside;
  const std::string leaf = home + "/" + kSystemName;
  constexpr std::chrono::milliseconds kPatience{1000};
  TRY(remove_cgroups(home, kPatience, leaf));
  // Up by one: a cgroup that gives controllers to nobody may have processes of its own.
  withdraw(home, controllers_);
  TRY(move_process(0, home));
  TRY(remove_cgroups(leaf, kPatience));
  if (!base_procs_) return fail(name_ + " stays: " + "we may not move to the cgroup that it is in");
  // The same once more, for BASE: refused where another cluster lives there.
  for (const std::string& name : wanted_controllers())
    if (auto file = sys::openat(base_.get(), "cgroup.subtree_control", O_WRONLY))
      (void)sys::write_all(file->get(), "-" + name);
  TRY_WHILE("moving out of " + name_, sys::write_all(base_procs_.get(), "0"));
  TRY(remove_at(base_.get(), name_));
  return remove_at(base_.get(), kLauncherName);
}

}  // namespace sublet::cgroups
