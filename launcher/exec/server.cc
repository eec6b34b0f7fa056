// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <thread>

#include "base/fs.h"
#include "base/strings.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "bypass/rights.h"
#include "launcher/exec/agent.h"
#include "launcher/exec/nook.h"

namespace sublet::launcher {
namespace {

// What CMD was given is CMD's: held by us too, a pipe would have no end and a lock stay locked.
void let_go(const std::vector<int>& inherited) {
  for (const int fd : inherited) (void)UniqueFd(fd);
  if (auto null = sys::open("/dev/null", O_RDWR))
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) (void)::dup2(null->get(), fd);
}

// Where only ancestors may look into a process (Documentation/admin-guide/LSM/Yama), those whose parent has ended
// become ours instead of the host's init's.
bool only_ancestors_may_look() {
  const auto scope = fs::read_file("/proc/sys/kernel/yama/ptrace_scope");
  return scope && trim(*scope) == "1";
}

class Server {
 public:
  Server(ServerPlan plan, UniqueFd caller) : plan_(std::move(plan)), caller_(std::move(caller)) {}

  void run() {
    auto started = start();
    if (!started) {
      tell(kErrorWord + to_string(started.error()));
      if (command_ > 0) (void)::kill(command_, SIGKILL);
      return;
    }
    if (*started) loop();
  }

 private:
  void tell(const std::string& text, const std::vector<int>& fds = {}) {
    if (caller_) (void)send_message(caller_.get(), text.substr(0, kMaxMessageBytes), fds);
  }

  // False: CMD could not be executed, which the caller knows.
  Result<bool> start() {
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    signals_ = UniqueFd(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return fail_errno("signalfd");
    if (only_ancestors_may_look()) reaper_ = ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
    auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
    command_ = ::fork();
    if (command_ < 0) return fail_errno("fork");
    if (command_ == 0) {
      ours.reset();
      become_command(plan_.command, theirs.get());
    }
    theirs.reset();
    let_go(plan_.command.inherited);
    // For questions under way, and for epoll sets of programs that have many descriptors (bypass/epoll_repair.cc).
    bypass::raise_open_files();
    nook_ends_ = TRY(start_nook());
    const UniqueFd pidfd = TRY(sys::pidfd_open(command_));
    Message word = TRY(receive_message(ours.get()));
    TRY(hear_of_filter(std::move(word)));
    TRY(send_message(ours.get(), kGoWord));
    const Message last = TRY(receive_message(ours.get()));
    if (last.text.starts_with(kExecWord)) {
      tell(kErrnoWord + last.text.substr(std::string_view(kExecWord).size()));
      return false;
    }
    tell(kStartedWord, {pidfd.get()});
    return true;
  }

  Result<void> hear_of_filter(Message message) {
    if (message.text == kListenerWord && message.fds.size() == 1) return start_agent(std::move(message.fds.front()));
    if (message.text == kInsideWord) return {};
    if (message.text.starts_with(kBareWord)) {
      tell(kSayWord + message.text.substr(std::string_view(kBareWord).size()));
      return {};
    }
    if (message.text.starts_with(kFailedWord)) return fail(message.text.substr(std::string_view(kFailedWord).size()));
    return fail("the command ended before it began");
  }

  Result<void> start_agent(UniqueFd listener) {
    listener_ = std::move(listener);
    store_ = std::make_unique<SocketStore>(std::move(plan_.sockets));
    nook_ = std::make_unique<SocketStore>(std::move(nook_ends_.sockets), std::nullopt);
    repair_ = TRY(bypass::EpollRepair::start());
    ResolverPlan resolver;
    resolver.rules = {plan_.grant.domain, plan_.name_space, host_search_domains()};
    resolver.cluster_server = plan_.grant.dns;
    resolver.nook_door = std::move(nook_ends_.door);
    if (plan_.names)
      if (auto names = NamesReader::create(plan_.names)) resolver.services.emplace(std::move(*names));
    resolver_ = TRY(Resolver::start(std::move(resolver), *store_));
    Agent::Parts parts{
        listener_.get(), plan_.grant.prefixes, *store_, *nook_, *resolver_, *repair_, [this](const std::string& text) {
          tell(kSayWord + text);
        }};
    std::thread([agent = std::make_shared<Agent>(std::move(parts))] { agent->serve(); }).detach();
    return {};
  }

  // Until CMD has ended and nobody is left who could ask.
  void loop() {
    for (;;) {
      // No event is asked for on the listener: it tells by itself when all are gone, and else wakes nobody here.
      std::array<pollfd, 3> watched{{{signals_.get(), POLLIN, 0}, {caller_.get(), POLLIN, 0}, {listener_.get(), 0, 0}}};
      if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return;
      if (watched[0].revents != 0) on_children();
      if (watched[1].revents != 0) on_caller_gone();
      const bool over = !listener_ || watched[2].revents != 0;
      if (over && command_ < 0) return;
      if (over) listener_.reset();  // CMD alone is left, as a zombie or without a filter
    }
  }

  void on_children() {
    signalfd_siginfo ignored{};
    while (::read(signals_.get(), &ignored, sizeof ignored) > 0) continue;
    int status = 0;
    while (command_ > 0 && ::waitpid(command_, &status, WNOHANG | WUNTRACED) > 0) {
      if (WIFSTOPPED(status)) {
        tell(kStoppedWord);
        continue;
      }
      command_ = -1;
      tell(WIFSIGNALED(status) ? kKilledWord + std::to_string(WTERMSIG(status))
                               : kEndedWord + std::to_string(WEXITSTATUS(status)));
      caller_.reset();
      (void)::setsid();  // what CMD leaves running has no terminal's job to be of, and neither have we
    }
    if (reaper_) reap_orphans();
  }

  void reap_orphans() const {
    siginfo_t info{};
    while (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0 && info.si_pid != command_)
      (void)::waitpid(info.si_pid, nullptr, WNOHANG);
  }

  // Killed, as it cannot end before CMD does otherwise: so CMD is, too.
  void on_caller_gone() {
    caller_.reset();
    if (command_ > 0) (void)::kill(command_, SIGKILL);
  }

  ServerPlan plan_;
  UniqueFd caller_;
  UniqueFd signals_;
  UniqueFd listener_;
  pid_t command_ = -1;
  bool reaper_ = false;
  Nook nook_ends_;
  std::unique_ptr<SocketStore> store_;
  std::unique_ptr<SocketStore> nook_;
  std::unique_ptr<bypass::EpollRepair> repair_;
  std::unique_ptr<Resolver> resolver_;
};

}  // namespace

void serve_command(ServerPlan plan, UniqueFd caller) {
  // Never destroyed: its threads end with the process.
  auto* server = std::make_unique<Server>(std::move(plan), std::move(caller)).release();
  server->run();
  ::_exit(0);
}

}  // namespace sublet::launcher
