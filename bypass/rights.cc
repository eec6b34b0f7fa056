// SPDX-License-Identifier: Apache-2.0
#include "bypass/rights.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

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

void raise_open_files() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &files);  // then fewer connections are bypassed at a time, and counted
}

}  // namespace sublet::bypass
