// SPDX-License-Identifier: Apache-2.0
#include "cgroups/systemd.h"

#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "base/fs.h"
#include "base/handle.h"
#include "base/unix_socket.h"

namespace sublet::cgroups {
namespace {

int hello(sd_bus_message* message, void*, sd_bus_error*) { return sd_bus_reply_method_return(message, "s", ":1.1"); }

int control_group(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*, sd_bus_error*) {
  return sd_bus_message_append(reply, "s", "/user.slice/user@1.service");
}

const sd_bus_vtable kBusObject[] = {
    SD_BUS_VTABLE_START(0), SD_BUS_METHOD("Hello", "", "s", hello, SD_BUS_VTABLE_UNPRIVILEGED), SD_BUS_VTABLE_END};
const sd_bus_vtable kManager[] = {SD_BUS_VTABLE_START(0),
                                  SD_BUS_PROPERTY("ControlGroup", "s", control_group, 0, SD_BUS_VTABLE_PROPERTY_CONST),
                                  SD_BUS_VTABLE_END};

// Bus and systemd in one: answers one client until told to stop.
void serve(int listener, std::atomic<bool>& stop) {
  int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  sd_bus* raw = nullptr;
  if (client < 0 || sd_bus_new(&raw) < 0) return;
  Handle<sd_bus, sd_bus_close_unref> bus(raw);
  sd_id128_t id{};
  (void)sd_id128_randomize(&id);
  (void)sd_bus_set_fd(raw, client, client);
  (void)sd_bus_set_server(raw, 1, id);
  (void)sd_bus_add_object_vtable(raw, nullptr, "/org/freedesktop/DBus", "org.freedesktop.DBus", kBusObject, nullptr);
  (void)sd_bus_add_object_vtable(raw, nullptr, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                 kManager, nullptr);
  if (sd_bus_start(raw) < 0) return;
  while (!stop) {
    int processed = sd_bus_process(raw, nullptr);
    if (processed < 0) return;
    if (processed == 0) (void)sd_bus_wait(raw, 20'000);
  }
}

Result<UserManager> ask_fake(const std::string& controllers) {
  fs::ScopedTempDir directory = *fs::ScopedTempDir::create();
  std::string socket = directory.path() + "/bus";
  std::string cgroup = directory.path() + "/user.slice/user@1.service";
  REQUIRE(fs::make_directories(cgroup));
  REQUIRE(fs::write_file(cgroup + "/cgroup.controllers", controllers));
  UniqueFd listener = *listen_unix(socket, SOCK_STREAM);
  std::atomic<bool> stop = false;
  std::thread server([&] { serve(listener.get(), stop); });
  auto manager = ask_user_manager({directory.path() + "/missing", socket}, directory.path());
  stop = true;
  server.join();
  return manager;
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
