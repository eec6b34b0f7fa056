// SPDX-License-Identifier: Apache-2.0
// The host's side of a door (bypass/doors.h) in its simplest form, for tests of the doors alone: takes connections on a
// port of the host, knocks with each, and carries the bytes of those that come back to be relayed.
#pragma once

#include <string>
#include <vector>

#include "bypass/doors.h"

namespace sublet::test {

struct KnockerPort {
  std::uint16_t host = 0;
  bypass::Endpoint pod;
};
/// "9080:80" with the pod's address: from the host's port to the pod's.
[[nodiscard]] Result<KnockerPort> knocker_port(const std::string& text, const std::string& address);

/// Serves these ports for this pod, by a thread that goes on until the process ends.
void start_knocker(bypass::Doors& doors, const std::shared_ptr<bypass::Pod>& pod,
                   const std::vector<KnockerPort>& ports);

}  // namespace sublet::test
