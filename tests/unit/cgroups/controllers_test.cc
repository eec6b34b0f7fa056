// SPDX-License-Identifier: Apache-2.0
#include "cgroups/controllers.h"

#include <catch2/catch.hpp>

#include "base/fs.h"

namespace sublet::cgroups {
namespace {

using Words = std::vector<std::string>;

// What is written, and a kernel that refuses one of it.
struct Kernel {
  Words written;
  std::string refuses;
  WriteFile file() {
    return [this](const std::string& path, const std::string& text) -> Result<void> {
      if (text == refuses) return fail_errno("write " + path, EBUSY);
      written.push_back(text);
      return {};
    };
  }
};

}  // namespace

TEST_CASE("grant: what is listed and wanted, one by one, and not what is there already", "[cgroups]") {
  const auto directory = *fs::ScopedTempDir::create();
  REQUIRE(fs::write_file(directory.path() + "/cgroup.controllers", "cpuset cpu hugetlb memory pids misc\n"));
  REQUIRE(fs::write_file(directory.path() + "/cgroup.subtree_control", "pids\n"));
  Kernel kernel{{}, "+cpuset"};
  const Granted granted = grant(directory.path(), kernel.file());
  CHECK(kernel.written == Words{"+memory", "+cpu"});
  CHECK(granted.controllers == Words{"memory", "cpu", "pids"});
  CHECK(granted.added == Words{"memory", "cpu"});
  REQUIRE(granted.refused.size() == 1);
  CHECK(granted.refused[0] == "cpuset: write " + directory.path() + "/cgroup.subtree_control: Device or resource busy");
}

TEST_CASE("withdraw: one that is in use keeps the others from nothing", "[cgroups]") {
  Kernel kernel{{}, "-memory"};
  withdraw("/x", {"memory", "cpu"}, kernel.file());
  CHECK(kernel.written == Words{"-cpu"});
}

TEST_CASE("controllers: none of a file that is not there", "[cgroups]") {
  CHECK(controllers_in("/nonexistent", "cgroup.controllers").empty());
  CHECK_FALSE(is_delegated_by_systemd("/nonexistent"));
  CHECK_FALSE(is_delegated_by_systemd("/"));
}

}  // namespace sublet::cgroups
