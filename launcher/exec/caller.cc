// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/caller.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "base/log.h"
#include "base/process.h"
#include "base/strings.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "launcher/exec/server.h"
#include "launcher/session/control.h"

namespace sublet::launcher {
namespace {

constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

// All that a user may send, or a terminal; not what a program's own faults send.
constexpr int kPassedOn[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGUSR1,  SIGUSR2, SIGALRM,
                             SIGTERM, SIGTSTP, SIGCONT, SIGWINCH, SIGIO,   SIGPWR};

struct Granted {
  Grant grant;
  UniqueFd sockets;
  UniqueFd names;  // may be empty
};

Result<Granted> ask_for_grant(const std::string& state_dir) {
  // Many ranks of one job may ask at once, and the launcher takes so many at a time.
  constexpr int kAttempts = 50;
  constexpr std::chrono::milliseconds kBetween{100};
  auto asked = ask(state_dir + "/" + kControlSocket, kGrantRequest);
  for (int i = 1; i < kAttempts && !asked && !asked.error().code; ++i) {
    std::this_thread::sleep_for(kBetween);
    asked = ask(state_dir + "/" + kControlSocket, kGrantRequest);
  }
  if (!asked) return tl::unexpected(std::move(asked).error().while_doing("asking the cluster's launcher"));
  Granted granted{TRY_WHILE("the launcher's answer", grant_from_json(asked->answer)), {}, {}};
  if (!granted.grant.refusal.empty()) return fail(granted.grant.refusal, "", ExitCode::kNotReady);
  if (asked->fds.empty()) return fail("the launcher's answer has no channel");
  granted.sockets = std::move(asked->fds.front());
  if (asked->fds.size() > 1) granted.names = std::move(asked->fds[1]);
  return granted;
}

Unexpected cannot_execute(const std::string& name, int error) {
  Error failed = fail_errno(name + ": exec", error).value();
  return Unexpected(std::move(failed).with_exit(static_cast<ExitCode>(error == ENOENT ? kNotFound : kNotExecutable)));
}

class Caller {
 public:
  Caller(std::string name, UniqueFd server, UniqueFd signals)
      : name_(std::move(name)), server_(std::move(server)), signals_(std::move(signals)) {}

  Result<ExitStatus> run() {
    for (;;) {
      std::array<pollfd, 2> watched{{{server_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
      if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return fail_errno("poll");
      if (watched[1].revents != 0) pass_signal_on();
      if (watched[0].revents == 0) continue;
      Message message = TRY(receive_message(server_.get()));
      if (message.end) return fail("the agent has ended (killed?), and the command with it");
      if (auto status = TRY(on_message(message))) return *status;
    }
  }

 private:
  static std::string_view after(const Message& message, std::string_view word) {
    return std::string_view(message.text).substr(word.size());
  }

  Result<std::optional<ExitStatus>> on_message(Message& message) {
    if (message.text == kStartedWord && message.fds.size() == 1) {
      command_ = std::move(message.fds.front());
      // They are CMD's: who reads its output shall see the end of it.
      if (auto null = sys::open("/dev/null", O_RDWR))
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO}) (void)::dup2(null->get(), fd);
      for (const int number : early_) (void)sys::pidfd_send_signal(command_.get(), number);
    } else if (message.text == kStoppedWord) {
      // As a shell expects of its job. What wakes us wakes CMD (SIGCONT is passed on).
      (void)::kill(::getpid(), SIGSTOP);
    } else if (message.text.starts_with(kEndedWord)) {
      return std::optional(ExitStatus{false, parse_int<int>(after(message, kEndedWord)).value_or(1)});
    } else if (message.text.starts_with(kKilledWord)) {
      return std::optional(ExitStatus{true, parse_int<int>(after(message, kKilledWord)).value_or(SIGKILL)});
    } else if (message.text.starts_with(kSayWord)) {
      log::warning("{}", after(message, kSayWord));
    } else if (message.text.starts_with(kErrorWord)) {
      return fail(std::string(after(message, kErrorWord)));
    } else if (message.text.starts_with(kErrnoWord)) {
      return cannot_execute(name_, parse_int<int>(after(message, kErrnoWord)).value_or(EINVAL));
    }
    return std::optional<ExitStatus>();
  }

  void pass_signal_on() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
    // A terminal's go to all of its foreground job: CMD has had it.
    if (info.ssi_code == SI_KERNEL) return;
    const auto number = static_cast<int>(info.ssi_signo);
    if (command_)
      (void)sys::pidfd_send_signal(command_.get(), number);
    else
      early_.push_back(number);
  }

  std::string name_;
  UniqueFd server_;
  UniqueFd signals_;
  UniqueFd command_;
  std::vector<int> early_;  // before CMD was there
};

Result<ExitStatus> run_bare(const ExecPlan& plan) {
  std::vector<char*> argv;
  for (const std::string& word : plan.command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  for (const int fd : plan.inherited) (void)::fcntl(fd, F_SETFD, 0);
  ::execv(plan.path.c_str(), argv.data());
  return cannot_execute(plan.command.front(), errno);
}

}  // namespace

Result<ExitStatus> run_under_agent(ExecPlan plan) {
  auto granted = ask_for_grant(plan.state_dir);
  if (!granted && plan.rather_bare) {
    log::warning("the command does not reach the cluster's addresses: {}", granted.error().what);
    return run_bare(plan);
  }
  if (!granted) return tl::unexpected(std::move(granted).error());
  ServerPlan server;
  server.command.path = plan.path;
  server.command.argv = plan.command;
  server.command.inherited = plan.inherited;
  server.command.mark = plan.state_dir + ":" + plan.name_space;
  server.command.may_be_bare = plan.rather_bare;
  server.grant = std::move(granted->grant);
  server.sockets = std::move(granted->sockets);
  server.names = std::move(granted->names);
  server.name_space = plan.name_space;

  sigset_t passed;
  ::sigemptyset(&passed);
  for (const int number : kPassedOn) ::sigaddset(&passed, number);
  for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) ::sigaddset(&passed, number);
  sigset_t blocked = passed;
  ::sigaddset(&blocked, SIGCHLD);  // the server's
  ::sigaddset(&blocked, SIGTTOU);
  if (::sigprocmask(SIG_BLOCK, &blocked, &server.command.signals) != 0) return fail_errno("sigprocmask");
  UniqueFd signals(::signalfd(-1, &passed, SFD_CLOEXEC));
  if (!signals) return fail_errno("signalfd");
  auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("fork");
  if (child == 0) {
    ours.reset();
    signals.reset();
    serve_command(std::move(server), std::move(theirs));
  }
  theirs.reset();
  server.sockets.reset();
  for (const int fd : plan.inherited) (void)UniqueFd(fd);
  return Caller(plan.command.front(), std::move(ours), std::move(signals)).run();
}

int exec_run_main(int argc, char** argv) {
  log::set_up("sublet", log::Level::kWarning);
  constexpr int kLeast = 5;  // sublet exec-run STATE_DIR PATH CMD
  auto run = [&]() -> Result<ExitStatus> {
    if (argc < kLeast) return fail("exec-run: too few words");
    ExecPlan plan;
    plan.state_dir = argv[2];
    plan.path = argv[3];
    plan.command.assign(argv + 4, argv + argc);
    plan.inherited = TRY(keep_inherited_fds());
    plan.rather_bare = true;
    return run_under_agent(std::move(plan));
  };
  const auto status = run();
  if (!status) {
    log::error("{}", to_string(status.error()));
    return static_cast<int>(status.error().exit);
  }
  if (!status->signalled) return status->value;
  // For whoever waits for us it makes a difference whether a command has ended or been killed. One core is enough.
  const rlimit no_core{};
  (void)::setrlimit(RLIMIT_CORE, &no_core);
  (void)::signal(status->value, SIG_DFL);
  sigset_t number;
  ::sigemptyset(&number);
  ::sigaddset(&number, status->value);
  (void)::sigprocmask(SIG_UNBLOCK, &number, nullptr);
  (void)::kill(::getpid(), status->value);
  return status->shell_status();
}

}  // namespace sublet::launcher
