// SPDX-License-Identifier: Apache-2.0
#include "cgroups/controllers.h"

#include <sys/xattr.h>

#include <algorithm>

#include "base/fs.h"
#include "base/strings.h"

namespace sublet::cgroups {

Result<void> write_cgroup_file(const std::string& path, const std::string& text) {
  return fs::write_existing(path, text);
}

const std::vector<std::string>& wanted_controllers() {
  static const std::vector<std::string> kWanted = {"memory", "cpu", "pids", "cpuset", "io"};
  return kWanted;
}

std::vector<std::string> controllers_in(const std::string& directory, const char* file) {
  auto text = fs::read_file(directory + "/" + file);
  return text ? words(trim(*text)) : std::vector<std::string>();
}

bool has(const std::vector<std::string>& controllers, const std::string& name) {
  return std::find(controllers.begin(), controllers.end(), name) != controllers.end();
}

Granted grant(const std::string& directory, const WriteFile& write) {
  Granted granted;
  const std::vector<std::string> listed = controllers_in(directory, "cgroup.controllers");
  const std::vector<std::string> before = controllers_in(directory, "cgroup.subtree_control");
  for (const std::string& name : wanted_controllers()) {
    if (!has(listed, name)) continue;
    if (has(before, name)) {
      granted.controllers.push_back(name);
      continue;
    }
    // One write each: of a list the kernel takes all or nothing.
    if (auto written = write(directory + "/cgroup.subtree_control", "+" + name); written) {
      granted.controllers.push_back(name);
      granted.added.push_back(name);
    } else {
      granted.refused.push_back(name + ": " + written.error().what);
    }
  }
  return granted;
}

void withdraw(const std::string& directory, const std::vector<std::string>& controllers, const WriteFile& write) {
  for (const std::string& name : controllers) (void)write(directory + "/cgroup.subtree_control", "-" + name);
}

bool is_delegated_by_systemd(const std::string& directory) {
  char value = 0;
  return ::getxattr(directory.c_str(), "user.delegate", &value, 1) == 1 && value == '1';
}

}  // namespace sublet::cgroups
