// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <optional>
#include <string_view>
#include <vector>

#include "base/handle.h"
#include "base/sys.h"

namespace sublet::launcher {
namespace {

constexpr std::string_view kPrefix = ".sublet-probe-";

// The lock belongs to the open file, so it goes with whoever holds it, however that one ends. Nothing: it is held, or
// there is no such directory (any more), or it is not ours.
std::optional<UniqueFd> lock(const std::string& path) {
  auto directory = sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory || ::flock(directory->get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  struct stat st {};
  if (::fstat(directory->get(), &st) != 0 || st.st_uid != ::geteuid() || st.st_nlink == 0) return std::nullopt;
  return std::move(*directory);
}

void remove_abandoned(const std::string& parent) {
  Handle<DIR, ::closedir> entries(::opendir(parent.c_str()));
  if (!entries) return;
  std::vector<std::string> found;
  while (const dirent* entry = ::readdir(entries.get()))
    if (std::string_view(entry->d_name).starts_with(kPrefix)) found.push_back(parent + "/" + entry->d_name);
  for (const std::string& path : found)
    if (auto held = lock(path)) (void)fs::remove_tree(path);  // the next one tries again
}

}  // namespace

Result<Scratch> Scratch::create(const std::string& parent) {
  remove_abandoned(parent);
  // Between making and locking, another one that tidies up may take it for abandoned.
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    auto directory = TRY(fs::ScopedTempDir::create(parent, kPrefix));
    if (auto held = lock(directory.path())) return Scratch(std::move(directory), std::move(*held));
  }
  return fail("a directory made in " + parent + " can't be locked");
}

Result<void> try_writing(const std::string& directory) {
  auto made = sys::open(directory, O_TMPFILE | O_WRONLY, 0600);
  if (made) return {};
  // Old overlay file systems, among others, have no such files. The name is there for a moment only.
  if (!made.error().is(EOPNOTSUPP) && !made.error().is(EISDIR)) return tl::unexpected(std::move(made).error());
  (void)TRY(fs::ScopedTempDir::create(directory, kPrefix));
  return {};
}

}  // namespace sublet::launcher
