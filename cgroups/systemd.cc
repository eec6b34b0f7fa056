// SPDX-License-Identifier: Apache-2.0
#include "cgroups/systemd.h"

#include <systemd/sd-bus.h>

#include <algorithm>

#include "base/fs.h"
#include "base/strings.h"
#include "cgroups/bus.h"
#include "cgroups/controllers.h"

namespace sublet::cgroups {
namespace {

Result<std::string> control_group(sd_bus* bus, Clock::time_point deadline) {
  std::uint64_t limit = std::max<std::uint64_t>(left_us(deadline), 1);
  TRY(check(sd_bus_set_method_call_timeout(bus, limit), "D-Bus"));
  sd_bus_error error = SD_BUS_ERROR_NULL;
  char* text = nullptr;
  int status = sd_bus_get_property_string(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                          "org.freedesktop.systemd1.Manager", "ControlGroup", &error, &text);
  std::string message = error.message != nullptr ? error.message : "";
  sd_bus_error_free(&error);
  if (status < 0 && !message.empty()) return fail("asking systemd for its cgroup: " + message);
  TRY(check(status, "asking systemd for its cgroup"));
  Handle<char, ::free> owned(text);
  return std::string(owned.get());
}

}  // namespace

std::vector<std::string> bus_candidates(const std::string& runtime_dir, unsigned uid) {
  std::vector<std::string> sockets;
  if (runtime_dir.starts_with('/')) sockets.push_back(runtime_dir + "/bus");
  std::string usual = "/run/user/" + std::to_string(uid) + "/bus";
  if (sockets.empty() || sockets[0] != usual) sockets.push_back(usual);
  return sockets;
}

Result<UserManager> ask_user_manager(const std::vector<std::string>& sockets, const std::string& cgroup_root,
                                     std::chrono::milliseconds limit) {
  auto deadline = Clock::now() + limit;
  auto found = std::find_if(sockets.begin(), sockets.end(), [](const std::string& path) { return fs::exists(path); });
  if (found == sockets.end()) return fail("no user bus: " + join(sockets, ", ") + ": " + "No such file or directory");
  UserManager manager;
  manager.bus = *found;
  Bus bus = TRY(connect_to_bus(*found, deadline));
  manager.control_group = TRY(control_group(bus.get(), deadline));
  std::string directory = cgroup_root + (manager.control_group == "/" ? "" : manager.control_group);
  std::string listed = TRY(fs::read_file(directory + "/cgroup.controllers"));
  manager.controllers = words(trim(listed));
  if (!has(manager.controllers, "memory")) return fail(directory + "/cgroup.controllers lists no memory controller");
  return manager;
}

}  // namespace sublet::cgroups
