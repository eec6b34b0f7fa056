// SPDX-License-Identifier: Apache-2.0
// The one way in which sublet starts a process, and what it then holds of it.
//
// clone3(2) gives a pidfd at birth, so no signal or wait can ever hit a recycled pid. Between clone and exec the child
// only makes async-signal-safe calls on memory prepared before; if one fails it reports which through a pipe and ends,
// so that spawn() itself returns the error.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cpu_list.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet {

/// How a process ended.
struct ExitStatus {
  bool signalled = false;
  int value = 0;  // the exit status, or the signal
  [[nodiscard]] bool success() const { return !signalled && value == 0; }
  /// As a shell would give it: the status, or 128 + signal.
  [[nodiscard]] int shell_status() const { return signalled ? 128 + value : value; }
  /// "exit status 3", "killed by signal 9 (Killed)".
  [[nodiscard]] std::string describe() const;
};

/// A child of ours, by pidfd. Letting go of the object neither kills nor reaps it.
class Process {
 public:
  Process(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Readable when the process has ended.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// A process that has ended already is no error.
  Result<void> signal(int number) const;
  /// Waits for the end and reaps. Call once.
  [[nodiscard]] Result<ExitStatus> wait() const;
  /// Reaps if the process has ended; nothing if it still runs.
  [[nodiscard]] Result<std::optional<ExitStatus>> try_wait() const;
  /// Waits at most this long. Nothing if it still runs.
  [[nodiscard]] Result<std::optional<ExitStatus>> wait_for(int timeout_ms) const;

 private:
  pid_t pid_;
  UniqueFd pidfd_;
};

/// What to start, and how. argv[0] is also the path unless `path` is given; no PATH search is made: see find_program().
struct Command {
  std::string path;
  std::vector<std::string> argv;
  /// The whole environment ("NAME=value"); not set: ours.
  std::optional<std::vector<std::string>> env;
  std::string cwd;
  /// Our descriptor → its number in the child. All others are closed by exec. 0, 1, 2 are inherited unless named here.
  std::vector<std::pair<int, int>> fds;
  /// Sent to the child when the thread that started it ends (PR_SET_PDEATHSIG); 0: none.
  int parent_death_signal = 0;
  /// A session of its own: a terminal's ^C does not reach it.
  bool new_session = false;
  /// CLONE_NEW* flags.
  unsigned namespaces = 0;
  /// Run in the parent while the child, already in its namespaces, waits: to write its id maps. An error ends the
  /// child.
  std::function<Result<void>(pid_t)> when_created;
  /// After when_created: become uid 0 and gid 0 of the new user namespace, so that exec keeps its capabilities.
  bool become_root = false;
  /// In a mount namespace of its own (CLONE_NEWNS is implied): `private_mounts` keep what is mounted on them to
  /// themselves, then each source is bound over its target, if both are there. All else is shared with us as before.
  std::vector<std::string> private_mounts;
  std::vector<std::pair<std::string, std::string>> private_binds;
  /// Installed right before exec. Needs CAP_SYS_ADMIN in the child's user namespace, or no_new_privs.
  std::vector<sock_filter> seccomp_filter;
  bool no_new_privs = false;
  /// The child's soft limit of open files, 0: as ours.
  unsigned long open_files = 0;
  /// The CPUs that the child may run on; empty: as we.
  CpuList cpus;
  /// Added to our nice value: the higher, the more it gives way. An unprivileged process never gets lower again.
  int nicer = 0;
  /// How much later than asked the kernel may wake the child from a sleep, so as to wake it once for several (timer
  /// slack, prctl(2)); its children inherit it. 0: as ours.
  std::chrono::microseconds timer_slack{0};

  [[nodiscard]] Result<Process> spawn() const;
};

/// What a short-lived helper printed, and how it ended.
struct Output {
  ExitStatus status;
  std::string out;
  std::string err;
};
/// Runs `command` to its end with /dev/null as input; kills it at the deadline, or as soon as `cancel_fd` is readable
/// (an error then). At most 16 MiB of output.
[[nodiscard]] Result<Output> run(Command command, int timeout_ms, int cancel_fd = -1);

/// The descriptors from 3 on that whoever started us left open for us, in order. From now on no child gets them unless
/// its Command says so. Call before the first child.
[[nodiscard]] Result<std::vector<int>> keep_inherited_fds();

/// Where `name` is, by PATH and then by /usr/sbin, /sbin, /usr/bin, /bin (a user's PATH often lacks sbin).
[[nodiscard]] std::optional<std::string> find_program(const std::string& name);

/// Our own executable, for re-exec: /proc/self/exe resolved.
[[nodiscard]] Result<std::string> own_executable();

}  // namespace sublet
