// SPDX-License-Identifier: Apache-2.0
// fake_ids LIMIT COMMAND [ARGUMENT …]: runs COMMAND under fake_ids_filter(LIMIT), as node-init runs containerd.
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include "base/strings.h"
#include "launcher/oci/fake_ids.h"

int main(int argc, char** argv) {
  auto limit = argc > 2 ? sublet::parse_int<std::uint32_t>(argv[1]) : std::nullopt;
  if (!limit || *limit == 0) {
    std::fputs("usage: fake_ids LIMIT COMMAND [ARGUMENT ...]\n", stderr);
    return 2;
  }
  std::vector<sock_filter> filter = sublet::launcher::fake_ids_filter(*limit);
  sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  // Root of a user namespace may install one as it is; anybody else with no_new_privs (seccomp(2)).
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
      std::perror("fake_ids: installing the filter");
      return 1;
    }
  }
  ::execvp(argv[2], argv + 2);
  std::perror(argv[2]);
  return 127;
}
