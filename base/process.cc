// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <cstring>

#include "base/fs.h"
#include "base/handle.h"
#include "base/strings.h"
#include "base/sys.h"

// CLONE_ARGS and its size are fixed by the kernel since 5.3; glibc 2.36 has no clone3 wrapper.
#include <linux/sched.h>

extern char** environ;

namespace sublet {
namespace {

// Where in the child's start something failed; written to the parent with errno.
enum class Step : int {
  kWaitForMaps,
  kIds,
  kMounts,
  kSession,
  kFds,
  kCwd,
  kLimits,
  kScheduling,
  kDeathSignal,
  kSeccomp,
  kExec
};

const char* name_of(Step step) {
  switch (step) {
    case Step::kWaitForMaps: return "waiting for id maps";
    case Step::kIds: return "becoming root of the user namespace";
    case Step::kMounts: return "making its own view of files";
    case Step::kSession: return "setsid";
    case Step::kFds: return "passing descriptors";
    case Step::kCwd: return "chdir";
    case Step::kLimits: return "setrlimit";
    case Step::kScheduling: return "setting the CPUs and the priority";
    case Step::kDeathSignal: return "PR_SET_PDEATHSIG";
    case Step::kSeccomp: return "installing the seccomp filter";
    case Step::kExec: return "exec";
  }
  return "?";
}

struct Failure {
  Step step;
  int error;
};

// All that the child needs, laid out before the clone.
struct Prepared {
  const char* path;
  std::vector<char*> argv;
  std::vector<char*> envp;
  const Command* command;
  std::vector<unsigned long> cpus;
  std::vector<std::pair<int, int>> fds;  // scratch for the descriptor shuffle
  int failure_fd;
  int go_fd;  // -1: no need to wait
  pid_t parent;
};

[[noreturn]] void give_up(const Prepared& p, Step step) {
  Failure failure{step, errno};
  (void)!::write(p.failure_fd, &failure, sizeof failure);
  ::_exit(127);
}

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) (void)::sigaction(number, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Runs in the child. No allocation, no TRY, no logging.
[[noreturn]] void child(Prepared& p) {
  const Command& c = *p.command;
  reset_signals();
  if (p.go_fd >= 0) {
    char go = 0;
    ssize_t count = ::read(p.go_fd, &go, 1);
    if (count != 1) {
      if (count == 0) errno = ECANCELED;
      give_up(p, Step::kWaitForMaps);
    }
  }
  if (c.become_root) {
    // The raw calls: glibc's would signal threads that this process no longer has.
    if (::syscall(SYS_setresgid, 0, 0, 0) != 0 || ::syscall(SYS_setresuid, 0, 0, 0) != 0) give_up(p, Step::kIds);
  }
  for (const std::string& mount : c.private_mounts)
    if (::mount(nullptr, mount.c_str(), nullptr, MS_PRIVATE, nullptr) != 0) give_up(p, Step::kMounts);
  for (const auto& [source, target] : c.private_binds)
    if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0 && errno != ENOENT)
      give_up(p, Step::kMounts);
  if (c.new_session && ::setsid() < 0) give_up(p, Step::kSession);
  // First out of the way of all targets, then into place.
  int above = 3;
  for (const auto& [from, to] : p.fds) above = to >= above ? to + 1 : above;
  for (auto& [from, to] : p.fds) {
    from = ::fcntl(from, F_DUPFD_CLOEXEC, above);
    if (from < 0) give_up(p, Step::kFds);
  }
  if (p.failure_fd < above) {
    p.failure_fd = ::fcntl(p.failure_fd, F_DUPFD_CLOEXEC, above);
    if (p.failure_fd < 0) ::_exit(127);
  }
  for (const auto& [from, to] : p.fds)
    if (::dup2(from, to) < 0) give_up(p, Step::kFds);
  if (!c.cwd.empty() && ::chdir(c.cwd.c_str()) != 0) give_up(p, Step::kCwd);
  if (c.open_files != 0) {
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) give_up(p, Step::kLimits);
    limit.rlim_cur = c.open_files < limit.rlim_max ? c.open_files : limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) give_up(p, Step::kLimits);
  }
  if (!c.cpus.empty() && ::syscall(SYS_sched_setaffinity, 0, p.cpus.size() * sizeof(unsigned long), p.cpus.data()) != 0)
    give_up(p, Step::kScheduling);
  errno = 0;  // -1 is a nice value too
  if (c.nicer != 0 && ::nice(c.nicer) == -1 && errno != 0) give_up(p, Step::kScheduling);
  if (c.timer_slack.count() != 0 &&
      ::prctl(PR_SET_TIMERSLACK, std::chrono::nanoseconds(c.timer_slack).count(), 0, 0, 0) != 0)
    give_up(p, Step::kScheduling);
  if (c.parent_death_signal != 0) {
    if (::prctl(PR_SET_PDEATHSIG, c.parent_death_signal) != 0) give_up(p, Step::kDeathSignal);
    // The parent may have died before the prctl. In a new pid namespace getppid() is 0 and tells nothing.
    if ((c.namespaces & CLONE_NEWPID) == 0 && ::getppid() != p.parent) ::_exit(127);
  }
  if (c.no_new_privs && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(p, Step::kSeccomp);
  if (!c.seccomp_filter.empty()) {
    sock_fprog program{static_cast<unsigned short>(c.seccomp_filter.size()),
                       const_cast<sock_filter*>(c.seccomp_filter.data())};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) give_up(p, Step::kSeccomp);
  }
  ::execve(p.path, p.argv.data(), p.envp.data());
  give_up(p, Step::kExec);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

Result<void> reap_after(const Process& process, Unexpected why) {
  (void)process.signal(SIGKILL);
  (void)process.wait();
  return why;
}

}  // namespace

std::string ExitStatus::describe() const {
  if (!signalled) return "exit status " + std::to_string(value);
  const char* text = ::sigdescr_np(value);
  return "killed by signal " + std::to_string(value) + " (" + (text != nullptr ? text : "unknown") + ")";
}

Result<void> Process::signal(int number) const { return sys::pidfd_send_signal(pidfd_.get(), number); }

Result<std::optional<ExitStatus>> Process::wait_for(int timeout_ms) const {
  // Polled on the pidfd, which needs no signal handler and so works in every event loop.
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd watched{pidfd_.get(), POLLIN, 0};
    int ready = ::poll(&watched, 1, timeout_ms < 0 ? -1 : static_cast<int>(std::max<long>(left, 0)));
    if (ready < 0 && errno != EINTR) return fail_errno("poll");
    if (ready > 0) break;
    if (ready == 0) return std::optional<ExitStatus>();
  }
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, WEXITED) != 0)
    return fail_errno("waitid");
  return std::optional(ExitStatus{info.si_code != CLD_EXITED, info.si_status});
}

Result<std::optional<ExitStatus>> Process::try_wait() const { return wait_for(0); }

Result<ExitStatus> Process::wait() const { return *TRY(wait_for(-1)); }

Result<Process> Command::spawn() const {
  if (argv.empty()) return fail("a command without words");
  Prepared p{};
  p.path = path.empty() ? argv[0].c_str() : path.c_str();
  p.argv = pointers(argv);
  if (env) {
    p.envp = pointers(*env);
  } else {
    for (char** variable = environ; *variable != nullptr; ++variable) p.envp.push_back(*variable);
    p.envp.push_back(nullptr);
  }
  p.command = this;
  p.fds = fds;
  p.cpus = to_mask(cpus);
  p.parent = ::getpid();
  auto [failure_read, failure_write] = TRY(sys::pipe());
  auto [go_read, go_write] = TRY(sys::pipe());
  p.failure_fd = failure_write.get();
  p.go_fd = when_created ? go_read.get() : -1;

  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD | namespaces | (private_binds.empty() ? 0U : unsigned{CLONE_NEWNS});
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  // No signal handler of ours may run in the child before it has reset them.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  (void)::sigprocmask(SIG_SETMASK, &all, &before);
  auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid == 0) {
    // Our copies of the ends that belong to the parent: with them open, its death would not be seen as end of file.
    (void)::close(go_write.get());
    (void)::close(failure_read.get());
    child(p);
  }
  int clone_error = errno;
  (void)::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return fail_errno("clone3 for " + argv[0], clone_error);

  Process process(pid, UniqueFd(pidfd));
  failure_write.reset();
  go_read.reset();
  if (when_created) {
    auto mapped = when_created(pid);
    if (!mapped) {
      (void)reap_after(process, fail(""));
      return tl::unexpected(std::move(mapped).error());
    }
    TRY(sys::write_all(go_write.get(), "g"));
  }
  Failure failure{};
  auto buffer = std::as_writable_bytes(std::span(&failure, 1));
  std::size_t count = TRY(sys::read(failure_read.get(), buffer));
  if (count == sizeof failure) {
    (void)process.wait();
    return fail_errno(argv[0] + ": " + name_of(failure.step), failure.error);
  }
  return process;
}

namespace {

// Moves what `fd` has into `into`; closes `fd` at its end.
Result<void> drain(UniqueFd& fd, std::string& into) {
  constexpr std::size_t kLimit = std::size_t{16} << 20;
  std::array<std::byte, 65536> buffer;
  std::size_t count = TRY(sys::read(fd.get(), buffer));
  if (count == 0) fd.reset();
  if (into.size() + count > kLimit) return fail("more than 16 MiB of output");
  into.append(reinterpret_cast<const char*>(buffer.data()), count);
  return {};
}

Result<void> collect(UniqueFd& out, UniqueFd& err, Output& output, std::chrono::steady_clock::time_point deadline,
                     int cancel_fd) {
  while (out || err) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return fail("no end within the time allowed");
    std::array<pollfd, 3> watched = {{{out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}, {cancel_fd, POLLIN, 0}}};
    int ready = ::poll(watched.data(), watched.size(), static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return fail_errno("poll");
    if (ready <= 0) continue;
    if (watched[2].revents != 0) return fail("cancelled");
    if (out && watched[0].revents != 0) TRY(drain(out, output.out));
    if (err && watched[1].revents != 0) TRY(drain(err, output.err));
  }
  return {};
}

}  // namespace

Result<Output> run(Command command, int timeout_ms, int cancel_fd) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  UniqueFd null = TRY(sys::open("/dev/null", O_RDONLY));
  auto [out_read, out_write] = TRY(sys::pipe());
  auto [err_read, err_write] = TRY(sys::pipe());
  command.fds.emplace_back(null.get(), 0);
  command.fds.emplace_back(out_write.get(), 1);
  command.fds.emplace_back(err_write.get(), 2);
  const std::string name = command.argv.empty() ? std::string() : command.argv[0];
  Process process = TRY(command.spawn());
  out_write.reset();
  err_write.reset();
  Output output;
  auto collected = collect(out_read, err_read, output, deadline, cancel_fd);
  if (!collected) {
    (void)process.signal(SIGKILL);
    (void)process.wait();
    return tl::unexpected(std::move(collected).error().while_doing(name));
  }
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  std::optional<ExitStatus> status = TRY(process.wait_for(static_cast<int>(std::max<long>(left, 0))));
  if (!status) {
    (void)process.signal(SIGKILL);
    (void)process.wait();
    return fail(name + ": no end within the time allowed");
  }
  output.status = *status;
  return output;
}

Result<std::vector<int>> keep_inherited_fds() {
  Handle<DIR, ::closedir> list(::opendir("/proc/self/fd"));
  if (!list) return fail_errno("open /proc/self/fd");
  std::vector<int> inherited;
  while (const dirent* entry = ::readdir(list.get())) {
    const auto fd = parse_int<int>(entry->d_name);
    if (!fd || *fd <= STDERR_FILENO) continue;
    const int flags = ::fcntl(*fd, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC) != 0) continue;
    if (::fcntl(*fd, F_SETFD, flags | FD_CLOEXEC) != 0) return fail_errno("fcntl");
    inherited.push_back(*fd);
  }
  std::sort(inherited.begin(), inherited.end());
  return inherited;
}

std::optional<std::string> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::vector<std::string> places = split(path != nullptr ? path : "", ':');
  for (const char* place : {"/usr/sbin", "/sbin", "/usr/bin", "/bin"}) places.emplace_back(place);
  for (const std::string& place : places) {
    if (place.empty() || place[0] != '/') continue;  // never from the current directory
    std::string candidate = place + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

Result<std::string> own_executable() {
  std::array<char, PATH_MAX> buffer;
  ssize_t length = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (length < 0) return fail_errno("readlink /proc/self/exe");
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

}  // namespace sublet
