// SPDX-License-Identifier: Apache-2.0
// A connection to a D-Bus socket that never takes longer than it is given.
#pragma once

#include <systemd/sd-bus.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "base/handle.h"
#include "base/result.h"

namespace sublet::cgroups {

// close, not flush: what is unsent to a bus that does not answer would block for ever.
using Bus = Handle<sd_bus, sd_bus_close_unref>;
using Clock = std::chrono::steady_clock;

/// Microseconds until then; 0 if that is past.
[[nodiscard]] std::uint64_t left_us(Clock::time_point deadline);
/// sd-bus gives a negative errno for a failure.
Result<void> check(int status, const std::string& what);
/// Connected and authenticated.
[[nodiscard]] Result<Bus> connect_to_bus(const std::string& socket, Clock::time_point deadline);

}  // namespace sublet::cgroups
