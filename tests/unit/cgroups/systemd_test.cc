// SPDX-License-Identifier: Apache-2.0
#include "cgroups/systemd.h"

#include <catch2/catch.hpp>

#include "tests/unit/cgroups/fake_bus.h"

namespace sublet::cgroups {
namespace {

Result<UserManager> ask_fake(const std::string& controllers) {
  const test::FakeBus bus;
  std::string cgroup = bus.directory() + "/user.slice/user@1.service";
  REQUIRE(fs::make_directories(cgroup));
  REQUIRE(fs::write_file(cgroup + "/cgroup.controllers", controllers));
  return ask_user_manager({bus.directory() + "/missing", bus.socket()}, bus.directory());
}

}  // namespace

TEST_CASE("bus: looked for without XDG_RUNTIME_DIR too", "[cgroups]") {
  CHECK(bus_candidates("", 7) == std::vector<std::string>{"/run/user/7/bus"});
  CHECK(bus_candidates("/run/user/7", 7) == std::vector<std::string>{"/run/user/7/bus"});
  CHECK(bus_candidates("/x", 7) == std::vector<std::string>{"/x/bus", "/run/user/7/bus"});
  CHECK(bus_candidates("relative", 7) == std::vector<std::string>{"/run/user/7/bus"});
}

TEST_CASE("user manager: none", "[cgroups]") {
  auto manager = ask_user_manager({"/nonexistent/bus"}, "/sys/fs/cgroup");
  REQUIRE_FALSE(manager);
  CHECK(manager.error().what == "no user bus: /nonexistent/bus: No such file or directory");
}

TEST_CASE("user manager: its cgroup and what is delegated to it", "[cgroups]") {
  auto manager = ask_fake("cpu memory pids\n");
  REQUIRE(manager);
  CHECK(manager->control_group == "/user.slice/user@1.service");
  CHECK(manager->controllers == std::vector<std::string>{"cpu", "memory", "pids"});
}

TEST_CASE("user manager: there, but nothing is delegated", "[cgroups]") {
  auto manager = ask_fake("pids\n");
  REQUIRE_FALSE(manager);
  CHECK(manager.error().what.ends_with("/user.slice/user@1.service/cgroup.controllers lists no memory controller"));
}

TEST_CASE("user manager: one that never answers costs no more than the limit", "[cgroups]") {
  fs::ScopedTempDir directory = *fs::ScopedTempDir::create();
  std::string socket = directory.path() + "/bus";
  UniqueFd listener = *listen_unix(socket, SOCK_STREAM);
  auto before = std::chrono::steady_clock::now();
  auto manager = ask_user_manager({socket}, directory.path(), std::chrono::milliseconds(200));
  auto took = std::chrono::steady_clock::now() - before;
  REQUIRE_FALSE(manager);
  CHECK(manager.error().is(ETIMEDOUT));
  CHECK(took >= std::chrono::milliseconds(190));
  CHECK(took < std::chrono::seconds(2));
}

}  // namespace sublet::cgroups
