// SPDX-License-Identifier: Apache-2.0
// deny_syscall NAME=ERRNO [NAME=ERRNO …] -- COMMAND [ARGUMENT …]
//
// Fault injection: runs COMMAND, and all that it starts, under a seccomp filter in which each system call NAME fails
// with ERRNO (by name, ENOSPC, or by number). No privilege is needed, at the price of no_new_privs: newuidmap and other
// setuid programs do not get theirs. 2: bad usage; 127: COMMAND could not be run.
#include <seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/strings.h"

namespace {

constexpr int kMaxErrno = 4095;  // MAX_ERRNO, include/linux/err.h

// By name or by number; 0: neither.
int errno_of(std::string_view text) {
  for (int value = 1; value <= kMaxErrno; ++value) {
    const char* name = ::strerrorname_np(value);
    if (name != nullptr && text == name) return value;
  }
  auto number = sublet::parse_int<int>(text);
  return number && *number > 0 && *number <= kMaxErrno ? *number : 0;
}

int usage(const std::string& what) {
  std::fprintf(stderr, "deny_syscall: %s\nusage: deny_syscall NAME=ERRNO [NAME=ERRNO ...] -- COMMAND [ARGUMENT ...]\n",
               what.c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  sublet::Handle<void, seccomp_release> filter(::seccomp_init(SCMP_ACT_ALLOW));
  if (!filter) return usage("out of memory");
  int at = 1;
  for (; at < argc && std::strcmp(argv[at], "--") != 0; ++at) {
    const std::string rule = argv[at];
    const std::size_t equals = rule.find('=');
    if (equals == std::string::npos) return usage(rule + ": not NAME=ERRNO");
    const int number = ::seccomp_syscall_resolve_name(rule.substr(0, equals).c_str());
    if (number == __NR_SCMP_ERROR) return usage(rule + ": no such system call");
    const int error = errno_of(std::string_view(rule).substr(equals + 1));
    if (error == 0) return usage(rule + ": no such errno");
    const int added = ::seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(static_cast<unsigned>(error)), number, 0);
    if (added != 0) return usage(rule + ": " + std::strerror(-added));
  }
  if (at == 1) return usage("no NAME=ERRNO");
  if (at + 1 >= argc) return usage("no COMMAND");
  // Of the denied calls, execve is only made after this: denying it makes the run below fail, as asked.
  const int loaded = ::seccomp_load(filter.get());
  if (loaded != 0) {
    std::fprintf(stderr, "deny_syscall: installing the filter: %s\n", std::strerror(-loaded));
    return 1;
  }
  ::execvp(argv[at + 1], argv + at + 1);
  std::fprintf(stderr, "deny_syscall: %s: %s\n", argv[at + 1], std::strerror(errno));
  return 127;
}
