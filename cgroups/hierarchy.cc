// SPDX-License-Identifier: Apache-2.0
#include "cgroups/hierarchy.h"

#include <algorithm>

#include "base/fs.h"
#include "base/strings.h"

namespace sublet::cgroups {
namespace {

// proc_pid_mountinfo(5): blank, tab, newline and backslash come as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  auto octal = [](char c) { return c >= '0' && c <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) && octal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string below(const std::string& root, const std::string& path) { return root == "/" ? path : root + path; }

}  // namespace

std::string_view name_of(Layout layout) {
  switch (layout) {
    case Layout::kNone: return "none";
    case Layout::kV1: return "v1";
    case Layout::kHybrid: return "hybrid";
    case Layout::kUnified: return "unified";
  }
  return "none";
}

Membership parse_membership(std::string_view text) {
  Membership membership;
  for (const std::string& line : lines(text)) {
    // "ID:CONTROLLERS:PATH", where a path may have colons.
    std::size_t first = line.find(':');
    std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string id = line.substr(0, first);
    std::string names = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    if (id == "0" && names.empty()) {
      membership.unified = path;
      continue;
    }
    for (const std::string& name : split(names, ','))
      if (!name.starts_with("name=")) membership.v1[name] = path;
  }
  return membership;
}

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  for (const std::string& line : lines(mountinfo)) {
    std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::vector<std::string> before = words(std::string_view(line).substr(0, dash));
    std::vector<std::string> after = words(std::string_view(line).substr(dash + 3));
    if (before.size() < 5 || after.empty()) continue;
    if (after[0] != "cgroup" && after[0] != "cgroup2") continue;
    Mount mount{unescape(before[3]), unescape(before[4]), after[0] == "cgroup2", {}};
    if (!mount.unified && after.size() > 2) {
      for (const std::string& option : split(after[2], ','))
        if (option != "rw" && option != "ro" && !option.starts_with("name=") && option != "xattr")
          mount.controllers.push_back(option);
    }
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::optional<std::string> directory_of(const Mount& mount, const std::string& cgroup) {
  // "/../x" is a cgroup outside of our cgroup namespace (cgroup_namespaces(7)).
  if (cgroup.starts_with("/..")) return std::nullopt;
  std::string rest = cgroup;
  if (mount.root != "/") {
    if (cgroup != mount.root && !cgroup.starts_with(mount.root + "/")) return std::nullopt;
    rest = cgroup.substr(mount.root.size());
  }
  return rest.empty() || rest == "/" ? mount.target : mount.target + rest;
}

View look(const std::string& root) {
  auto membership = fs::read_file(below(root, "/proc/self/cgroup"));
  auto mountinfo = fs::read_file(below(root, "/proc/self/mountinfo"));
  View seen;
  if (membership) seen.membership = parse_membership(*membership);
  if (mountinfo) seen.mounts = parse_mounts(*mountinfo);
  for (Mount& mount : seen.mounts) mount.target = below(root, mount.target);
  return seen;
}

Layout layout_of(const std::vector<Mount>& mounts) {
  bool v1 = std::any_of(mounts.begin(), mounts.end(), [](const Mount& m) { return !m.unified; });
  bool v2 = std::any_of(mounts.begin(), mounts.end(), [](const Mount& m) { return m.unified; });
  if (v1) return v2 ? Layout::kHybrid : Layout::kV1;
  return v2 ? Layout::kUnified : Layout::kNone;
}

std::optional<Place> unified_place(const View& seen) {
  if (!seen.membership.unified) return std::nullopt;
  return place_of(seen, *seen.membership.unified);
}

std::optional<Place> place_of(const View& seen, const std::string& cgroup) {
  for (const Mount& mount : seen.mounts) {
    if (!mount.unified) continue;
    if (auto directory = directory_of(mount, cgroup)) return Place{*directory, mount.target};
  }
  return std::nullopt;
}

std::optional<Place> v1_place(const View& seen, const std::string& controller) {
  auto member = seen.membership.v1.find(controller);
  if (member == seen.membership.v1.end()) return std::nullopt;
  for (const Mount& mount : seen.mounts) {
    if (std::find(mount.controllers.begin(), mount.controllers.end(), controller) == mount.controllers.end()) continue;
    auto directory = directory_of(mount, member->second);
    // Without a cgroup namespace, a container sees the host's path but only its own part of the tree: its top is then
    // the best that can be read.
    if (!directory || !fs::exists(*directory)) directory = mount.target;
    return Place{*directory, mount.target};
  }
  return std::nullopt;
}

std::string parent_of(const std::string& path) {
  std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::optional<std::string> unified_mount(const std::string& root) {
  for (const Mount& mount : look(root).mounts)
    if (mount.unified) return mount.target;
  return std::nullopt;
}

}  // namespace sublet::cgroups
