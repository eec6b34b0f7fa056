// SPDX-License-Identifier: Apache-2.0
// Links made for trial in a network namespace of the probe's own. Each function leaves its link to the namespace's end.
#pragma once

#include "base/result.h"

namespace sublet::launcher {

/// A bridge and a veth pair, one end of it enslaved: what the bridge CNI plugin makes of each pod.
Result<void> try_bridge();
/// A dummy link, which stands in for the tap.
Result<void> try_dummy();
/// A tap of /dev/net/tun (TUNSETIFF).
Result<void> try_tap();

}  // namespace sublet::launcher
