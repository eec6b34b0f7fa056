// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/state_dirs.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "base/fs.h"
#include "base/strings.h"
#include "base/sys.h"
#include "launcher/facts/filesystem.h"
#include "launcher/facts/scratch.h"

namespace sublet::launcher {
namespace {

Probe refuse(std::string reason) { return {false, std::move(reason)}; }

std::string nearest_existing(std::string path) {
  while (path.starts_with('/') && path.size() > 1 && !fs::exists(path))
    path.resize(std::max<std::size_t>(path.rfind('/'), 1));
  return path;
}

Probe examine(StateCandidate& candidate, const std::string& directory) {
  if (!candidate.path.starts_with('/')) return refuse("not an absolute path");
  auto st = sys::stat(directory);
  if (!st) return refuse(st.error().what);
  if (!S_ISDIR(st->st_mode)) return refuse(directory + " is not a directory");
  auto magic = fs::magic(directory);
  auto space = fs::space(directory);
  if (!magic || !space) return refuse((magic ? space.error() : magic.error()).what);
  candidate.fs_magic = *magic;
  candidate.free_bytes = space->free_bytes;
  auto mountinfo = fs::read_file("/proc/self/mountinfo");
  std::string type = mountinfo ? mount_type(*mountinfo, major(st->st_dev), minor(st->st_dev)) : "";
  Filesystem filesystem = classify_filesystem(*magic, type);
  candidate.memory_backed = filesystem.kind == FilesystemKind::kMemory;
  if (filesystem.kind == FilesystemKind::kNetwork)
    return refuse("on " + filesystem.name + ", a network file system: state must be on a disk of this host");
  if (filesystem.kind == FilesystemKind::kFuse)
    return refuse("on FUSE, behind which a network may be: state must be on a disk of this host");
  if (auto made = try_writing(directory); !made) return refuse(made.error().what);
  if (space->free_bytes < kStateBytesNeeded)
    return refuse("only " + human_bytes(space->free_bytes) + " free, " + human_bytes(kStateBytesNeeded) +
                  " are needed");
  return {true, ""};
}

}  // namespace

std::vector<StateCandidate> find_state_candidates(const std::string& configured, const GetEnv& env) {
  std::vector<StateCandidate> candidates;
  auto add = [&](const std::string& path, const char* origin) {
    if (path.empty()) return;
    for (const StateCandidate& known : candidates)
      if (known.path == path) return;
    StateCandidate candidate{path, origin};
    candidate.usable = examine(candidate, std::string_view(origin) == "state.dir" ? nearest_existing(path) : path);
    candidates.push_back(std::move(candidate));
  };
  add(configured, "state.dir");
  std::string tmpdir = env("TMPDIR").value_or("");
  while (tmpdir.size() > 1 && tmpdir.back() == '/') tmpdir.pop_back();
  add(tmpdir, "TMPDIR");
  add("/dev/shm", "/dev/shm");
  add("/tmp", "/tmp");
  return candidates;
}

const StateCandidate* choose_state(const std::vector<StateCandidate>& candidates) {
  auto usable = [](const StateCandidate& c) { return c.usable.ok; };
  for (const StateCandidate& candidate : candidates)
    if (candidate.origin == "state.dir") return usable(candidate) ? &candidate : nullptr;
  for (const StateCandidate& candidate : candidates)
    if (candidate.origin == "TMPDIR" && usable(candidate)) return &candidate;
  for (bool memory : {false, true})
    for (const StateCandidate& candidate : candidates)
      if (usable(candidate) && candidate.memory_backed == memory && candidate.free_bytes >= kStateBytesRoomy)
        return &candidate;
  const StateCandidate* best = nullptr;
  for (const StateCandidate& candidate : candidates)
    if (usable(candidate) && (best == nullptr || candidate.free_bytes > best->free_bytes)) best = &candidate;
  return best;
}

}  // namespace sublet::launcher
