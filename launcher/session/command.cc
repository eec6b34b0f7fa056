// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/command.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/process.h"

namespace sublet::launcher {
namespace {

constexpr auto kNotExecutable = static_cast<ExitCode>(126);
constexpr auto kNotFound = static_cast<ExitCode>(127);

// What execve(2) would say, without doing it; 0: nothing.
int exec_error(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return errno;
  if (!S_ISREG(st.st_mode)) return EACCES;
  return ::access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

}  // namespace

Result<std::string> find_command(const std::string& name, const std::string& components_dir) {
  if (name.find('/') != std::string::npos) {
    const int error = exec_error(name);
    if (error == 0) return name;
    Error failed = fail_errno(name + ": exec", error).value();
    return tl::unexpected(std::move(failed).with_exit(error == ENOENT ? kNotFound : kNotExecutable));
  }
  if (auto found = find_program(name)) return *found;
  if (name == "kubectl") return components_dir + "/kubectl";
  return fail(name + ": no such command", "", kNotFound);
}

}  // namespace sublet::launcher
