// SPDX-License-Identifier: Apache-2.0
// A tree of plain files that looks like a host's cgroups.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "base/fs.h"

namespace sublet::cgroups::test {

inline constexpr const char* kUnifiedMount =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

class FakeHost {
 public:
  FakeHost(const std::string& membership, const std::string& mountinfo) {
    file("/proc/self/cgroup", membership);
    file("/proc/self/mountinfo", mountinfo);
  }
  void file(const std::string& path, const std::string& text) {
    std::string full = directory_.path() + path;
    REQUIRE(fs::make_directories(full.substr(0, full.rfind('/'))));
    REQUIRE(fs::write_file(full, text));
  }
  // A cgroup whose files we may write.
  void cgroup(const std::string& path, const std::string& controllers) {
    file(path + "/cgroup.procs", "");
    file(path + "/cgroup.subtree_control", "");
    file(path + "/cgroup.controllers", controllers + "\n");
  }
  [[nodiscard]] const std::string& root() const { return directory_.path(); }

 private:
  fs::ScopedTempDir directory_ = *fs::ScopedTempDir::create();
};

}  // namespace sublet::cgroups::test
