// SPDX-License-Identifier: Apache-2.0
#include "launcher/node/wipe.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>

#include <array>

#include "base/fs.h"
#include "base/handle.h"
#include "base/sys.h"
#include "launcher/node/paths.h"

namespace sublet::launcher {
namespace {

// Mounts that pods, the kubelet and containerd left are all below these; detaching one detaches what is below it.
void let_go_of_mounts() {
  for (const char* place : {"/var/lib", "/var/log", "/tmp", "/run/containerd", "/run/netns"})
    (void)sys::umount(place, MNT_DETACH);  // not mounted is as good
}

}  // namespace

Result<StateHandle> open_state(const std::string& state_dir) {
  std::size_t last = state_dir.rfind('/');
  std::size_t before = last == 0 || last == std::string::npos ? std::string::npos : state_dir.rfind('/', last - 1);
  if (before == std::string::npos) return fail("state directory " + state_dir + " is no absolute path two levels deep");
  StateHandle state;
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
  state.base = TRY(sys::open(state_dir.substr(0, std::max<std::size_t>(before, 1)), O_PATH | O_DIRECTORY));
  state.user_name = state_dir.substr(before + 1, last - before - 1);
  state.user = TRY(sys::openat(state.base.get(), state.user_name, kFlags));
  state.name = state_dir.substr(last + 1);
  return state;
}

Result<void> wipe_contents() {
  let_go_of_mounts();
  for (std::string_view folder :
       {state_layout::kVarLib, state_layout::kVarLog, state_layout::kTmp, state_layout::kSockets})
    TRY(fs::remove_tree(std::string(inside::kState) + "/" + std::string(folder)));
  return {};
}

Result<void> wipe_all(const StateHandle& state) {
  let_go_of_mounts();
  Handle<DIR, ::closedir> directory(::opendir(std::string(inside::kState).c_str()));
  if (!directory) return fail_errno("open the state directory");
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") TRY(fs::remove_tree(std::string(inside::kState) + "/" + name));
  }
  directory.reset();
  if (::unlinkat(state.user.get(), state.name.c_str(), AT_REMOVEDIR) != 0) return fail_errno("rmdir " + state.name);
  // Other clusters of the user may live beside: then it stays.
  if (::unlinkat(state.base.get(), state.user_name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOTEMPTY && errno != EEXIST)
    return fail_errno("rmdir " + state.user_name);
  return {};
}

}  // namespace sublet::launcher
