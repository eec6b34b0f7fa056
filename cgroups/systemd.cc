// SPDX-License-Identifier: Apache-2.0
#include "cgroups/systemd.h"

#include <systemd/sd-bus.h>

#include <algorithm>

#include "base/fs.h"
#include "base/handle.h"
#include "base/strings.h"

namespace sublet::cgroups {
namespace {

// close, not flush: what is unsent to a bus that does not answer would block for ever.
using Bus = Handle<sd_bus, sd_bus_close_unref>;
using Clock = std::chrono::steady_clock;

std::uint64_t left_us(Clock::time_point deadline) {
  auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now()).count();
  return left > 0 ? static_cast<std::uint64_t>(left) : 0;
}

Result<void> check(int status, const std::string& what) {
  if (status < 0) return fail_errno(what, -status);
  return {};
}

// sd_bus_call() would wait for the authentication with sd-bus' own limit of 90 s: it is waited for here first.
Result<void> wait_until_ready(sd_bus* bus, Clock::time_point deadline) {
  for (;;) {
    int processed = sd_bus_process(bus, nullptr);
    TRY(check(processed, "D-Bus"));
    int ready = sd_bus_is_ready(bus);
    TRY(check(ready, "D-Bus"));
    if (ready > 0) return {};
    if (left_us(deadline) == 0) return fail_errno("D-Bus", ETIMEDOUT);
    if (processed == 0) TRY(check(sd_bus_wait(bus, left_us(deadline)), "D-Bus"));
  }
}

Result<Bus> connect(const std::string& socket, Clock::time_point deadline) {
  sd_bus* raw = nullptr;
  TRY(check(sd_bus_new(&raw), "sd_bus_new"));
  Bus bus(raw);
  // The address is a list with escapes (D-Bus specification, Server Addresses): such a path is nobody's.
  if (socket.find_first_of(",;%=") != std::string::npos) return fail(socket + ": not a path that D-Bus can name");
  TRY(check(sd_bus_set_address(raw, ("unix:path=" + socket).c_str()), socket));
  TRY(check(sd_bus_set_bus_client(raw, 1), socket));
  TRY(check(sd_bus_start(raw), socket));
  TRY_WHILE(socket, wait_until_ready(raw, deadline));
  return bus;
}

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
  Bus bus = TRY(connect(*found, deadline));
  manager.control_group = TRY(control_group(bus.get(), deadline));
  std::string directory = cgroup_root + (manager.control_group == "/" ? "" : manager.control_group);
  std::string listed = TRY(fs::read_file(directory + "/cgroup.controllers"));
  manager.controllers = words(trim(listed));
  if (std::find(manager.controllers.begin(), manager.controllers.end(), "memory") == manager.controllers.end())
    return fail(directory + "/cgroup.controllers lists no memory controller");
  return manager;
}

}  // namespace sublet::cgroups
