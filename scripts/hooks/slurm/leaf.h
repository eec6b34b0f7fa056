// SPDX-License-Identifier: Apache-2.0
// The leaf that an administrator's hook hands over: a cgroup "sublet" beside a task's own one, below the limits of its
// step. Made and removed by root; all that is below it is its owner's. No Slurm in here, and nothing that is not in
// libc: this runs inside the workload manager's daemon. cgroup v2 has neither links nor renames, so a path names what
// it says.
#pragma once

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Where the leaf of a task goes: "…/step_S/user" for a membership (proc_pid_cgroup(5)) of
/// "0::/…/job_J/step_S/user/task_T", as cgroup/v2 of Slurm 22.05 and 24.11 makes them. 0, or -1 for any other place,
/// where no leaf is made.
int leaf_parent(const char* membership, char* parent, size_t size);

/// Makes the leaf below `parent` (of a mounted cgroup2) and hands it to `uid`, with what moving a process needs: the
/// leaf's cgroup.procs, cgroup.threads and cgroup.subtree_control, and the cgroup.procs of `parent`, the common
/// ancestor (cgroups(7), delegation containment). NULL, or what could not be done, with errno. One that is there is
/// left as it is.
const char* leaf_make(const char* parent, uid_t uid, gid_t gid);

/// Kills what is in the leaf, removes it with all that is below, and takes the parent's cgroup.procs back. Ends within
/// `patience_ms`. NULL, also if there is none, or what could not be done, with errno.
const char* leaf_remove(const char* parent, int patience_ms);

#ifdef __cplusplus
}
#endif
