// SPDX-License-Identifier: Apache-2.0
// The tap driver's own prison: it parses what untrusted guests send, in the host's network namespace, as the user. What
// is left to it: the descriptors that it has, TCP, UDP and ping sockets, and one read-only file, etc/resolv.conf.
#pragma once

#include <string>
#include <vector>

namespace sublet::netns {

/// Puts the calling process (which must have one thread) into: a user namespace with no capabilities, mount, IPC and
/// UTS namespaces with an empty read-only root that holds etc/resolv.conf of this text, no_new_privs, not dumpable,
/// resource limits, and a seccomp allow-list (what is not in it fails with EPERM; exec and ptrace kill). It cannot be
/// left.
///
/// A layer that cannot be had does not hinder the others. Gives those: "layer: why".
[[nodiscard]] std::vector<std::string> enter_sandbox(const std::string& resolv_conf);

}  // namespace sublet::netns
