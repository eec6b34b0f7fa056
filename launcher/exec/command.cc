// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/command.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/unix_socket.h"
#include "bypass/listener.h"
#include "launcher/exec/filter.h"

namespace sublet::launcher {
namespace {

constexpr int kNotStarted = 127;

// Tells how the filter went. False: CMD is not to be started.
bool go_under_filter(const CommandPlan& plan, int channel) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    (void)send_message(channel, std::string(kFailedWord) + "no_new_privs: " + fail_errno("prctl").value().what);
    return false;
  }
  auto installed = bypass::install(exec_filter(), bypass::Speculation::kUntouched);
  if (installed) return static_cast<bool>(send_message(channel, kListenerWord, {installed->listener.get()}));
  const char* mark = std::getenv(kExecVariable);
  if (installed.error().is(EBUSY) && mark != nullptr && plan.mark == mark)
    return static_cast<bool>(send_message(channel, kInsideWord));
  std::string why = installed.error().what;
  if (installed.error().is(EBUSY))
    why = mark != nullptr
              ? "this program is under `sublet exec` of another cluster or namespace already (" + std::string(mark) +
                    "), and can be under one only"
              : "another program watches the calls of this one already (seccomp), and there can be one only";
  (void)send_message(channel, (plan.may_be_bare ? kBareWord : kFailedWord) + why);
  return plan.may_be_bare;
}

}  // namespace

void become_command(const CommandPlan& plan, int channel) {
  const pid_t parent = ::getppid();
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(kNotStarted);
  if (!go_under_filter(plan, channel)) ::_exit(kNotStarted);
  auto word = receive_message(channel);
  if (!word || word->text != kGoWord) ::_exit(kNotStarted);
  if (::setenv(kExecVariable, plan.mark.c_str(), 1) != 0) ::_exit(kNotStarted);
  std::vector<char*> argv;
  for (const std::string& argument : plan.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  for (const int fd : plan.inherited) (void)::fcntl(fd, F_SETFD, 0);
  (void)::sigprocmask(SIG_SETMASK, &plan.signals, nullptr);
  ::execv(plan.path.c_str(), argv.data());
  (void)send_message(channel, kExecWord + std::to_string(errno));
  ::_exit(kNotStarted);
}

}  // namespace sublet::launcher
