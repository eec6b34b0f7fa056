// SPDX-License-Identifier: Apache-2.0
// Can there be a bypass on this kernel? Tried, not guessed.
#pragma once

#include "base/result.h"

namespace sublet::bypass {

/// Watches a child of its own for one call and answers it with a socket, as the broker does. Needs CAP_SYS_ADMIN and
/// CAP_SYS_PTRACE over the caller's user namespace. The error says what is missing (seccomp notifications, descriptors
/// through them, pidfd_getfd(2), SO_NETNS_COOKIE, ptrace access where Yama or a container's profile denies it).
Result<void> try_bypass();
/// The same without any right: the child has given up all that it could get (no_new_privs). Who is under a filter with
/// a listener himself cannot tell (EBUSY), which is no error.
Result<void> try_watching();

}  // namespace sublet::bypass
