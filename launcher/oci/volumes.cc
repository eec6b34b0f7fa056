// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/volumes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/sys.h"

namespace sublet::launcher {

std::vector<std::string> volumes_of(const nlohmann::json& spec) {
  std::vector<std::string> volumes;
  if (!spec.is_object() || !spec.contains("mounts") || !spec["mounts"].is_array()) return volumes;
  constexpr std::string_view kParent = kVolumesInside;
  for (const nlohmann::json& mount : spec["mounts"]) {
    if (!mount.is_object() || !mount.contains("source") || !mount["source"].is_string()) continue;
    const auto source = mount["source"].get<std::string>();
    if (!source.starts_with(kParent)) continue;
    std::string_view name = std::string_view(source).substr(kParent.size());
    if (name.empty() || name.front() == '.' || name.find('/') != std::string_view::npos) continue;
    volumes.push_back(source);
  }
  return volumes;
}

Result<void> open_volume(const std::string& path) {
  auto directory = sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) {
    if (directory.error().is(ENOTDIR) || directory.error().is(ELOOP) || directory.error().is(ENOENT)) return {};
    return tl::unexpected(std::move(directory).error());
  }
  struct stat st {};
  if (::fstat(directory->get(), &st) != 0) return fail_errno("stat " + path);
  constexpr mode_t kAsMade = 0750;
  constexpr mode_t kPermissions = 07777;
  constexpr mode_t kOpen = 0777;
  if ((st.st_mode & kPermissions) != kAsMade) return {};  // its pods have set what they want
  if (::fchmod(directory->get(), kOpen) != 0) return fail_errno("chmod " + path);
  return {};
}

}  // namespace sublet::launcher
