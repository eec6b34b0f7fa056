// SPDX-License-Identifier: Apache-2.0
// seccomp's notification descriptor (seccomp_unotify(2)): made by whoever is to be watched, read and answered by the
// broker. Thin wrappers, without allocation where a notification is under way; errors there are errno values.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::bypass {

struct Installed {
  UniqueFd listener;
  /// Once the broker has a call, signals that do not kill wait for its answer (WAIT_KILLABLE_RECV, Linux 5.19).
  bool killable = false;
};

/// What a filter does to speculation: before Linux 5.16 one that isn't installed with SPEC_ALLOW slows all that its
/// tasks compute, as mitigations are switched on for them (Documentation/userspace-api/spec_ctrl.rst).
enum class Speculation : std::uint8_t { kAsKernelLikes, kUntouched };

/// Puts the calling thread, and all that it will start, under the filter for good. Needs CAP_SYS_ADMIN in its user
/// namespace, or no_new_privs. EBUSY: there is a listener already (a task has one at most).
[[nodiscard]] Result<Installed> install(const std::vector<sock_filter>& filter,
                                        Speculation speculation = Speculation::kAsKernelLikes);

/// Asks for wake-ups on the notifier's own processor (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, Linux 6.6); does nothing
/// where the kernel doesn't know them.
void prefer_sync_wake_up(int listener);

/// Waits for a notification. False: there will be none any more, all tasks under the filter are gone.
[[nodiscard]] bool await(int listener);
/// Fetches the next one into `notification`, which must be zeroed; waits for it. An errno: ENOENT if its task gave up
/// meanwhile, or if there is no task any more; before Linux 6.11 it waits for ever then.
[[nodiscard]] int receive(int listener, seccomp_notif& notification);
/// Are all tasks under the filter gone, and nothing left to be fetched?
[[nodiscard]] bool is_over(int listener);
/// Does receive() end when the last task is gone? Tried with a child, in a thread that is given up if it does not.
[[nodiscard]] bool receive_ends();
/// Is the task still waiting for this answer? To be asked after every look at its memory, before what was read is used.
[[nodiscard]] bool still_valid(int listener, std::uint64_t id);

// Answers. Each gives 0 or an errno; ENOENT: the task is gone or was interrupted, nobody waits any more.
/// The call returns `value`, or fails with `error` (positive errno).
int answer(int listener, std::uint64_t id, std::int64_t value, int error);
/// The call is done by the kernel as if never intercepted. It reads memory and descriptors anew: no decision may rest
/// on what was seen of them.
int go_on(int listener, std::uint64_t id);
/// Gives the task a new descriptor, which is `fd`'s file; the task goes on waiting. Its number, or a negative errno.
/// Not with ADDFD_FLAG_SEND, which would save a wake-up: if we are killed before the task has taken the descriptor,
/// that makes the call return 0 (seccomp_notify_addfd(), kernel/seccomp.c), and the program takes standard input for
/// its new socket.
int add_fd(int listener, std::uint64_t id, int fd, bool cloexec);
/// Replaces descriptor `number` of the task by `fd`'s file; the task goes on waiting.
int replace_fd(int listener, std::uint64_t id, int fd, int number, bool cloexec);

}  // namespace sublet::bypass
