// SPDX-License-Identifier: Apache-2.0
#include "bypass/rights.h"

#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/sys.h"

// <sys/mount.h> clashes with <linux/mount.h>.
#ifndef MS_NOSUID
#define MS_NOSUID 2
#define MS_NODEV 4
#define MS_NOEXEC 8
#define MS_BIND 4096
#define MS_REC 16384
#define MS_PRIVATE (1 << 18)
#endif

namespace sublet::bypass {
namespace {

Result<void> keep_capabilities(std::uint32_t low) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  data[0].effective = data[0].permitted = low;
  if (::syscall(SYS_capset, &header, data.data()) != 0) return fail_errno("capset");
  return {};
}

}  // namespace

Result<void> enter_user_namespace(int fd) {
  if (::setns(fd, CLONE_NEWUSER) != 0) return fail_errno("joining the cluster's user namespace");
  TRY(keep_capabilities(1U << CAP_SYS_PTRACE | 1U << CAP_SYS_ADMIN));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("no_new_privs");
  return {};
}

Result<void> leave_file_system() {
  // Any directory does as the place of the new root, and /sys is on every system. It is not looked at again.
  const std::string root = "/sys";
  TRY(sys::unshare(CLONE_NEWNS));
  TRY(sys::mount("none", "/", "", MS_REC | MS_PRIVATE));
  TRY(sys::mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64k,nr_inodes=8"));
  TRY(sys::mkdir(root + "/proc", 0755));
  // What is mounted below /proc is locked to it in another's mount namespace (mount_namespaces(7)).
  TRY(sys::mount("/proc", root + "/proc", "", MS_BIND | MS_REC));
  TRY(sys::mount_setattr(root, MOUNT_ATTR_RDONLY, 0, false));
  return sys::pivot_root(root);
}

void raise_open_files() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &files);  // then fewer connections are bypassed at a time, and counted
}

}  // namespace sublet::bypass
