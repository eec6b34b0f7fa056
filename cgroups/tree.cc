// SPDX-License-Identifier: Apache-2.0
#include "cgroups/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include "base/fs.h"
#include "base/handle.h"
#include "base/sys.h"
#include "cgroups/names.h"

namespace sublet::cgroups {
namespace {

using Clock = std::chrono::steady_clock;

// There is nothing to be woken by: cgroup.events tells only of the last process, not of the last reference.
void pause_a_little() {
  constexpr int kMs = 5;
  (void)::poll(nullptr, 0, kMs);
}

Result<void> remove_one(const std::string& directory, Clock::time_point deadline) {
  for (;;) {
    auto removed = sys::rmdir(directory);
    if (removed || removed.error().is(ENOENT)) return {};
    if (!removed.error().is(EBUSY) || Clock::now() >= deadline) return removed;
    pause_a_little();
  }
}

Result<void> remove_below(const std::string& directory, Clock::time_point deadline, const std::string& keep) {
  for (const std::string& name : children_of(directory)) {
    const std::string child = directory + "/" + name;
    TRY(remove_below(child, deadline, keep));
    if (keep != child && !keep.starts_with(child + "/")) TRY(remove_one(child, deadline));
  }
  return {};
}

}  // namespace

Result<void> move_process(pid_t pid, const std::string& directory) {
  return fs::write_existing(directory + "/cgroup.procs", std::to_string(pid));
}

std::vector<std::string> children_of(const std::string& directory) {
  std::vector<std::string> names;
  const Handle<DIR, ::closedir> opened(::opendir(directory.c_str()));
  if (!opened) return names;
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.push_back(name);
  }
  return names;
}

Result<void> remove_cgroups(const std::string& directory, std::chrono::milliseconds patience, const std::string& keep) {
  const auto deadline = Clock::now() + patience;
  TRY(remove_below(directory, deadline, keep));
  return keep.empty() ? remove_one(directory, deadline) : Result<void>();
}

Result<UniqueFd> lock_cgroup(const std::string& directory, Lock lock, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  UniqueFd fd = TRY(sys::open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const int how = (lock == Lock::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (::flock(fd.get(), how) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("lock " + directory);
    if (Clock::now() >= deadline) return fail_errno("lock " + directory, EWOULDBLOCK);
    pause_a_little();
  }
  return fd;
}

std::vector<std::string> sweep(const std::string& base) {
  std::vector<std::string> removed;
  for (const std::string& name : children_of(base)) {
    if (!name.starts_with(kHomePrefix) || name == kLauncherName) continue;
    const std::string home = base + "/" + name;
    auto held = lock_cgroup(home, Lock::kExclusive, std::chrono::milliseconds(0));
    if (held && remove_cgroups(home, std::chrono::milliseconds(0))) removed.push_back(name);
  }
  return removed;
}

}  // namespace sublet::cgroups
