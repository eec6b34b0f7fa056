// SPDX-License-Identifier: Apache-2.0
// Tests of what a user may do run as a user: where root runs them, this gives root up for good.
#pragma once

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>

namespace sublet::test {

/// Becomes the user of SUBLET_TEST_USER (default: tenant), if root. False if there is no such user.
inline bool become_unprivileged() {
  if (::geteuid() != 0) return true;
  const char* name = std::getenv("SUBLET_TEST_USER");
  const passwd* user = ::getpwnam(name != nullptr ? name : "tenant");
  if (user == nullptr) return false;
  if (::initgroups(user->pw_name, user->pw_gid) != 0 || ::setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
      ::setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
    return false;
  (void)::setenv("HOME", user->pw_dir, 1);
  // Changing ids makes a process undumpable: /proc/PID would be root's, and newuidmap would refuse our children.
  return ::prctl(PR_SET_DUMPABLE, 1) == 0;
}

}  // namespace sublet::test
