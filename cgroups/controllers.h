// SPDX-License-Identifier: Apache-2.0
// Giving controllers to the children of a cgroup, one by one, and the files that this is done by.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace sublet::cgroups {

/// Writes to a file of cgroupfs that exists. Here so that a test can have a kernel that refuses.
using WriteFile = std::function<Result<void>(const std::string& path, const std::string& text)>;
Result<void> write_cgroup_file(const std::string& path, const std::string& text);

/// What a cluster makes use of, the indispensable one first.
[[nodiscard]] const std::vector<std::string>& wanted_controllers();

struct Granted {
  std::vector<std::string> controllers;  // the children have them now
  std::vector<std::string> refused;      // "cpu: reason", of those that are listed but not to be had
  std::vector<std::string> added;        // of the controllers: those that they did not have before
};
/// Gives each wanted controller that `directory` lists to its children. A delegation that lies shows here: what can't
/// be given is named, and the rest goes on.
[[nodiscard]] Granted grant(const std::string& directory, const WriteFile& write = write_cgroup_file);
/// Takes controllers away from the children again. What is in use below (EBUSY), or gone, stays so.
void withdraw(const std::string& directory, const std::vector<std::string>& controllers,
              const WriteFile& write = write_cgroup_file);

/// The words of `directory`'s file of that name ("cgroup.controllers"); none if it can't be read.
[[nodiscard]] std::vector<std::string> controllers_in(const std::string& directory, const char* file);
[[nodiscard]] bool has(const std::vector<std::string>& controllers, const std::string& name);

/// systemd marks the cgroup of a unit with Delegate= by an extended attribute that its user may read (since 251).
[[nodiscard]] bool is_delegated_by_systemd(const std::string& directory);

}  // namespace sublet::cgroups
