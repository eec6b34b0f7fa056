// SPDX-License-Identifier: Apache-2.0
// Into the cluster's user namespace, and out of what is not needed there.
#pragma once

#include "base/result.h"

namespace sublet::bypass {

/// Joins the user namespace (its owner gets all rights over it, user_namespaces(7)) and keeps only what the broker's
/// work takes: CAP_SYS_PTRACE to look into containers, CAP_SYS_ADMIN to enter their network namespaces. No new
/// privileges. The calling process must have one thread.
Result<void> enter_user_namespace(int fd);

/// After that: a mount namespace of our own with nothing in it but the host's /proc.
Result<void> leave_file_system();

/// As many descriptors as there may be: connections under way and listeners hold some.
void raise_open_files();

}  // namespace sublet::bypass
