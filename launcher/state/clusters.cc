// SPDX-License-Identifier: Apache-2.0
#include "launcher/state/clusters.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/fs.h"
#include "base/handle.h"
#include "base/sys.h"
#include "launcher/state/lock.h"
#include "launcher/state/state_dir.h"

namespace sublet::launcher {
namespace {

constexpr std::size_t kStatusLimit = std::size_t{1} << 20;

// The names in a directory that is ours and private, with the identity that tells one base from another.
struct Listing {
  std::pair<dev_t, ino_t> identity;
  std::vector<std::string> names;
};

std::optional<Listing> list_private(const std::string& path, std::uint32_t uid) {
  auto fd = sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  struct stat st {};
  if (!fd || ::fstat(fd->get(), &st) != 0 || st.st_uid != uid || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return std::nullopt;
  const Handle<DIR, ::closedir> stream(::fdopendir(fd->get()));
  if (!stream) return std::nullopt;
  (void)fd->release();
  Listing listing{.identity = {st.st_dev, st.st_ino}};
  while (const dirent* entry = ::readdir(stream.get())) listing.names.emplace_back(entry->d_name);
  std::ranges::sort(listing.names);
  return listing;
}

std::optional<Cluster> look_at(const std::string& path, const std::string& name, std::uint32_t uid) {
  const auto id = parse_directory_name(name);
  if (!id || !list_private(path, uid)) return std::nullopt;
  Cluster cluster{.path = path, .id = *id};
  if (auto lock = sys::open(path + "/" + kLockFile, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)) {
    cluster.alive = is_locked(lock->get()).value_or(false);
    if (cluster.alive) cluster.holder = read_holder(lock->get());
  }
  if (auto status = fs::read_file(path + "/" + kStatusFile, kStatusLimit)) cluster.status = *status;
  return cluster;
}

}  // namespace

std::vector<Cluster> find_clusters(const std::vector<std::string>& bases, std::uint32_t uid) {
  std::vector<Cluster> clusters;
  std::set<std::pair<dev_t, ino_t>> seen;
  for (const std::string& base : bases) {
    const std::string parent = user_directory(base, uid);
    const auto listing = list_private(parent, uid);
    if (!listing || !seen.insert(listing->identity).second) continue;
    for (const std::string& name : listing->names)
      if (auto cluster = look_at(parent + "/" + name, name, uid)) clusters.push_back(*std::move(cluster));
  }
  return clusters;
}

}  // namespace sublet::launcher
