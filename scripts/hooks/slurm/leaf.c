// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "leaf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define LEAF "sublet"
// Deeper than any pod's cgroup; a user can make them as deep as cgroup.max.depth allows.
#define MAX_DEPTH 64
#define POLL_MS 10

static int starts_with(const char* text, const char* prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

// Cuts the last component off `path` and returns it; NULL if there is none.
static char* cut_last(char* path) {
  char* slash = strrchr(path, '/');
  if (!slash) return NULL;
  *slash = '\0';
  return slash + 1;
}

int leaf_parent(const char* membership, char* parent, size_t size) {
  const char* line = membership;
  while (line && !starts_with(line, "0::/")) {
    line = strchr(line, '\n');
    if (line) line++;
  }
  if (!line) return -1;
  line += strlen("0::");
  size_t length = strcspn(line, "\n");
  char path[4096];
  if (length >= sizeof path || length >= size) return -1;
  memcpy(path, line, length);
  path[length] = '\0';
  const char* task = cut_last(path);
  if (!task || !starts_with(task, "task_")) return -1;
  strcpy(parent, path);
  const char* user = cut_last(path);
  const char* step = user ? cut_last(path) : NULL;
  const char* job = step ? cut_last(path) : NULL;
  if (!job || strcmp(user, "user") != 0 || !starts_with(step, "step_") || !starts_with(job, "job_")) return -1;
  return 0;
}

// Nothing but a directory of a cgroup2 is ever touched.
static int open_cgroup(int at, const char* path) {
  int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct statfs fs;
  if (fd >= 0 && (fstatfs(fd, &fs) != 0 || fs.f_type != CGROUP2_SUPER_MAGIC)) {
    close(fd);
    errno = ENOTSUP;
    return -1;
  }
  return fd;
}

static int hand_over(int fd, const char* file, uid_t uid, gid_t gid) {
  return fchownat(fd, file, uid, gid, AT_SYMLINK_NOFOLLOW);
}

static const char* furnish(int parent, int leaf, uid_t uid, gid_t gid) {
  if (fchown(leaf, uid, gid) != 0) return "hand over the leaf";
  if (hand_over(leaf, "cgroup.procs", uid, gid) != 0) return "hand over the leaf's cgroup.procs";
  if (hand_over(leaf, "cgroup.threads", uid, gid) != 0) return "hand over the leaf's cgroup.threads";
  if (hand_over(leaf, "cgroup.subtree_control", uid, gid) != 0) return "hand over the leaf's cgroup.subtree_control";
  if (hand_over(parent, "cgroup.procs", uid, gid) != 0) return "hand over the step's cgroup.procs";
  return NULL;
}

// close() leaves errno alone only if it succeeds.
static void close_quietly(int fd) {
  int kept = errno;
  close(fd);
  errno = kept;
}

const char* leaf_make(const char* path, uid_t uid, gid_t gid) {
  int parent = open_cgroup(AT_FDCWD, path);
  if (parent < 0) return "open the step's cgroup";
  const char* wrong = NULL;
  // Another task of the step may have made it: then it is furnished as well.
  if (mkdirat(parent, LEAF, 0755) != 0) {
    if (errno != EEXIST) wrong = "make the leaf";
  } else {
    int leaf = open_cgroup(parent, LEAF);
    wrong = leaf < 0 ? "open the leaf" : furnish(parent, leaf, uid, gid);
    if (leaf >= 0) close_quietly(leaf);
  }
  close_quietly(parent);
  return wrong;
}

// Depth first; what is not empty yet stays. The number of directories that stay.
static int remove_below(int at, int depth) {
  int copy = dup(at);
  DIR* list = copy < 0 ? NULL : fdopendir(copy);
  if (!list) {
    if (copy >= 0) close(copy);
    return 1;
  }
  int left = 0;
  rewinddir(list);
  const struct dirent* entry;
  while ((entry = readdir(list))) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    int child = depth < MAX_DEPTH ? open_cgroup(at, entry->d_name) : -1;
    if (child >= 0) {
      left += remove_below(child, depth + 1);
      close(child);
    }
    if (unlinkat(at, entry->d_name, AT_REMOVEDIR) != 0 && errno != ENOENT) left++;
  }
  closedir(list);
  return left;
}

// cgroup.kill is in Linux since 5.14. Before, what is in the leaf dies with the launcher, as it does here mostly, too.
static void kill_all(int leaf) {
  int file = openat(leaf, "cgroup.kill", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  if (write(file, "1", 1) != 1) {
    // The wait below tells whether somebody is left.
  }
  close(file);
}

const char* leaf_remove(const char* path, int patience_ms) {
  int parent = open_cgroup(AT_FDCWD, path);
  if (parent < 0) return errno == ENOENT ? NULL : "open the step's cgroup";
  int leaf = open_cgroup(parent, LEAF);
  const char* wrong = NULL;
  if (leaf < 0) {
    if (errno != ENOENT) wrong = "open the leaf";
    close_quietly(parent);
    return wrong;
  }
  if (hand_over(parent, "cgroup.procs", 0, 0) != 0) wrong = "take the step's cgroup.procs back";
  kill_all(leaf);
  for (int waited = 0;; waited += POLL_MS) {
    remove_below(leaf, 0);
    if (unlinkat(parent, LEAF, AT_REMOVEDIR) == 0 || errno == ENOENT) break;
    if (waited >= patience_ms) {
      wrong = "remove the leaf";
      break;
    }
    // Killed processes leave their cgroup when they are dead, not when they are killed.
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
  }
  close_quietly(leaf);
  close_quietly(parent);
  return wrong;
}
