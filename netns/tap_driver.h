// SPDX-License-Identifier: Apache-2.0
// The process between the cluster's tap and the host's network: libslirp in a sandbox, with a poll loop of its own. It
// runs in the host's network namespace, as the user, and lives as long as the launcher.
#pragma once

#include <string>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "netns/tap_orders.h"

namespace sublet::netns {

/// The hidden verb: 3 is a (sealed) memfd with the orders as JSON, 4 the tap, 5 one end of a pipe or socket: one byte
/// is written there once frames are forwarded; when its other end closes, the driver ends with 0. It also ends with 0
/// when the tap's namespace is gone, is killed with its parent, and ends with 1 for orders or descriptors that are no
/// good. Does not return.
[[nodiscard]] int tap_driver_main();

/// A driver that is ready.
struct TapDriver {
  Process process;
  UniqueFd life;  // closing it ends the driver
};

/// Starts `command` (its path and argv: a program that ends up in tap_driver_main(); standard error and environment as
/// given there) with these orders for this tap, and waits until it is ready, at most `timeout_ms`. The tap is borrowed:
/// whoever keeps it open can start another driver on it if this one dies; else the link is gone with the driver. The
/// driver dies with the calling thread (PDEATHSIG).
[[nodiscard]] Result<TapDriver> start_tap_driver(Command command, const TapOrders& orders, int tap, int timeout_ms);

}  // namespace sublet::netns
