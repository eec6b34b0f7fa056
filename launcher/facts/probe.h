// SPDX-License-Identifier: Apache-2.0
// What can only be known by trying it inside namespaces of our own. try_in_namespaces() starts `sublet probe` (re-exec,
// one child for all trials) in the same new namespaces, with the same id maps, as a cluster gets; that child is
// probe_main(): it tries each thing and prints the answers as JSON. All that it makes goes with its
// namespaces, or with its end (Scratch).
#pragma once

#include <string>

#include "base/result.h"
#include "launcher/facts/facts.h"

namespace sublet::launcher {

/// Fills user_namespace, id_maps, tun, overlayfs, fresh_proc, fresh_sysfs, nftables, iptables, bridge and dummy of
/// `facts`, whose account and subordinate ids are there already. `program` is a sublet; `directory` one of
/// the file system where overlayfs is to be tried ("": not tried).
void try_in_namespaces(Facts& facts, const std::string& program, const std::string& directory);

/// The hidden verb `sublet probe`. Tries overlayfs in its current directory, unless that is "/". Returns the exit
/// status.
int probe_main();

}  // namespace sublet::launcher
