// SPDX-License-Identifier: Apache-2.0
// A seccomp filter under which a program may give files and itself to users that our user namespace does not have:
// those calls answer success and change nothing. Without it no image with files of a second owner unpacks on the
// single-UID rung. Inherited by all children; it grants nothing, since all that it answers would have failed with
// EINVAL or EPERM.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

namespace sublet::launcher {

/// The filter for a user namespace that maps the ids 0 … id_limit-1 (so 1 is the single-UID rung). Calls of the chown
/// and set*id families are faked where an argument is an id at or above the limit, and go to the kernel otherwise:
/// their real errors (ENOENT, EROFS) stay. On the single-UID rung setgroups(2) is faked as well, as the kernel denies
/// it there.
///
/// Knows x86-64, x32, i386, aarch64 and arm; calls of any other ABI pass. id_limit must be at least 1.
/// Install with Command::seccomp_filter (CAP_SYS_ADMIN in the namespace, else no_new_privs).
[[nodiscard]] std::vector<sock_filter> fake_ids_filter(std::uint32_t id_limit);

}  // namespace sublet::launcher
