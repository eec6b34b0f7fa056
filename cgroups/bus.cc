// SPDX-License-Identifier: Apache-2.0
#include "cgroups/bus.h"

namespace sublet::cgroups {

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

Result<Bus> connect_to_bus(const std::string& socket, Clock::time_point deadline) {
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

}  // namespace sublet::cgroups
