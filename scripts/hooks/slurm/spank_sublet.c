// SPDX-License-Identifier: Apache-2.0
// SPANK plug-in (spank(8)): makes the leaf "sublet" beside each step's tasks, and removes it when they are gone.
// Why a plug-in: the prolog runs before the step's cgroup exists, the task prolog without privileges. task_post_fork is
// the callback that runs as root, when the task is in its cgroup, and before its program starts: Slurm unblocks the
// task after it. (task_init_privileged runs in the task, but races with its move: seen in …/slurm, …/task_special and
// …/task_0.) A job must never suffer from this: every fault is logged, and answered with success.
#include <errno.h>
#include <slurm/spank.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "leaf.h"

SPANK_PLUGIN(sublet, 1)

// Where a unified hierarchy is (systemd's place, and Slurm's default CgroupMountpoint).
#define MOUNT "/sys/fs/cgroup"
// The node waits for this in the worst case only: a process that cannot be killed at once.
#define PATIENCE_MS 2000

// slurmstepd is a process of one step, and calls back from one thread.
static char parent_of_leaf[4096];
static uint32_t tasks_left;

static int read_membership(pid_t pid, char* text, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
  FILE* file = fopen(path, "re");
  if (!file) return -1;
  size_t got = fread(text, 1, size - 1, file);
  fclose(file);
  text[got] = '\0';
  return got == 0 ? -1 : 0;
}

static void remove_leaf(void) {
  if (!parent_of_leaf[0]) return;
  const char* wrong = leaf_remove(parent_of_leaf, PATIENCE_MS);
  if (wrong) slurm_info("sublet: cannot %s in %s: %s", wrong, parent_of_leaf, strerror(errno));
  parent_of_leaf[0] = '\0';
}

int slurm_spank_task_post_fork(spank_t spank, int argc, char** argv) {
  (void)argc;
  (void)argv;
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  tasks_left++;
  if (parent_of_leaf[0]) return ESPANK_SUCCESS;  // made for an earlier task of this step
  if (spank_get_item(spank, S_TASK_PID, &pid) != ESPANK_SUCCESS ||
      spank_get_item(spank, S_JOB_UID, &uid) != ESPANK_SUCCESS ||
      spank_get_item(spank, S_JOB_GID, &gid) != ESPANK_SUCCESS) {
    slurm_info("sublet: no leaf: Slurm does not tell the task's process and user");
    return ESPANK_SUCCESS;
  }
  char membership[8192], below[4096];
  if (read_membership(pid, membership, sizeof membership) != 0) {
    slurm_info("sublet: no leaf: cannot read the cgroup of process %d: %s", (int)pid, strerror(errno));
    return ESPANK_SUCCESS;
  }
  if (leaf_parent(membership, below, sizeof below) != 0) {
    slurm_info("sublet: no leaf: not a task's cgroup of cgroup/v2: %.*s", (int)strcspn(membership, "\n"), membership);
    return ESPANK_SUCCESS;
  }
  // Root needs none: it may do all of this anyway.
  if (uid == 0) return ESPANK_SUCCESS;
  if (snprintf(parent_of_leaf, sizeof parent_of_leaf, MOUNT "%s", below) >= (int)sizeof parent_of_leaf) {
    parent_of_leaf[0] = '\0';
    return ESPANK_SUCCESS;
  }
  const char* wrong = leaf_make(parent_of_leaf, uid, gid);
  if (wrong) {
    slurm_info("sublet: no leaf: cannot %s in %s: %s", wrong, parent_of_leaf, strerror(errno));
    remove_leaf();
  }
  return ESPANK_SUCCESS;
}

// The last task is gone, and Slurm has not begun to remove the step's cgroups by plain rmdir, which a leaf would stop.
int slurm_spank_task_exit(spank_t spank, int argc, char** argv) {
  (void)spank;
  (void)argc;
  (void)argv;
  if (tasks_left > 0) tasks_left--;
  if (tasks_left == 0) remove_leaf();
  return ESPANK_SUCCESS;
}

// For a step that ends in another way than by its tasks' exit.
int slurm_spank_exit(spank_t spank, int argc, char** argv) {
  (void)spank;
  (void)argc;
  (void)argv;
  remove_leaf();
  return ESPANK_SUCCESS;
}
