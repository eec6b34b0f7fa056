// SPDX-License-Identifier: Apache-2.0
// Theory of operation. The launcher clones this process into all namespaces at once; it is root of the user namespace
// and has the orders on descriptor 3. Up to the event loop everything happens in one go, top to bottom: root, host
// name, link. From then on it reacts: to its services (Supervisor), to orphans (SIGCHLD), to the launcher (kControlFd),
// and to requests for sockets (kSocketsFd). It ends in one of two ways. Told to stop: pods get SIGTERM and some time,
// services are stopped in reverse order, the files are wiped, the launcher is told. Launcher gone (end of file): all
// that without the waiting, and the state directory goes too, for nobody is left to remove it. If this process itself
// is killed the kernel kills every process of the pid namespace (pid_namespaces(7)); the launcher then removes the
// files.
#include "launcher/node/node_init.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <optional>

#include "base/event_loop.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "bypass/keeper.h"
#include "cgroups/inner.h"
#include "launcher/node/link.h"
#include "launcher/node/orders.h"
#include "launcher/node/pods.h"
#include "launcher/node/sockets.h"
#include "launcher/node/wipe.h"
#include "launcher/oci/fake_ids.h"
#include "launcher/supervisor/supervisor.h"

namespace sublet::launcher {
namespace {

void report(const NodeReport& report, const std::vector<int>& fds = {}) {
  // A launcher that is gone is noticed as end of file on the same socket.
  if (auto sent = send_message(kControlFd, to_text(report), fds); !sent && !sent.error().is(EPIPE))
    log::warning("telling the launcher: {}", sent.error().what);
}

Result<void> make_node(const NodeOrders& orders, std::optional<cgroups::Inner>& cgroup) {
  std::vector<std::string> left_out;
  if (orders.cgroup) {
    std::vector<std::string> refused;
    cgroup = TRY_WHILE("entering the cluster's cgroup", cgroups::Inner::enter(refused));
    for (const std::string& each : refused) left_out.push_back("cgroups: pods do not get the controller " + each);
  }
  TRY(make_root(orders.state_dir + "/root", orders.mounts, left_out));
  TRY(sys::sethostname(orders.hostname));
  report({NodeReport::Kind::kRooted, left_out, {}, {}, {}, {}, 0});
  std::optional<UniqueFd> tap = TRY_WHILE("making the node's link", make_link(orders.link));
  if (tap) report({NodeReport::Kind::kTap, {}, {}, {}, {}, {}, 0}, {tap->get()});
  return {};
}

class NodeInit {
 public:
  NodeInit(EventLoop loop, NodeOrders orders, StateHandle state, std::optional<cgroups::Inner> cgroup)
      : loop_(std::move(loop)), orders_(std::move(orders)), state_(std::move(state)), cgroup_(std::move(cgroup)) {}

  Result<int> run() {
    supervisor_ =
        std::make_unique<Supervisor>(loop_, std::move(orders_.services), decorate, [](const ServiceEvent& event) {
          report({NodeReport::Kind::kService, {}, event.service, name_of(event.kind), event.detail, {}, event.pid});
        });
    watches_.push_back(TRY(loop_.on_signal(SIGCHLD, [this] { reap_orphans(); })));
    watches_.push_back(TRY(loop_.on_fd(kControlFd, EPOLLIN, [this](std::uint32_t) { take_request(); })));
    givers_ = std::make_unique<SocketGiver>(loop_);
    TRY(givers_->add(UniqueFd(kSocketsFd)));
    if (orders_.bypass) keeper_ = TRY(bypass::Keeper::create(loop_, bypass::kKeeperSocket));
    supervisor_->start();
    return loop_.run();
  }

 private:
  static Result<void> decorate(const Service& service, Command& command) {
    command.parent_death_signal = SIGKILL;
    if (service.fake_ids_limit != 0) command.seccomp_filter = fake_ids_filter(service.fake_ids_limit);
    return {};
  }

  // Shims and what pods leave behind come to us. The supervisor's own children are reaped by their watches.
  void reap_orphans() {
    for (;;) {
      siginfo_t info{};
      if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
      // A service's end hides the orphans behind it until it is reaped: look again when the loop has done that.
      if (supervisor_->owns(info.si_pid)) {
        if (auto later = loop_.after(std::chrono::milliseconds(1), [this] { reap_orphans(); })) again_ = *later;
        return;
      }
      (void)::waitpid(info.si_pid, nullptr, WNOHANG);
    }
  }

  void take_request() {
    auto message = receive_message(kControlFd);
    if (!message || message->end) return launcher_gone();
    auto request = request_from_text(message->text);
    if (!request) return log::warning("from the launcher: {}", request.error().what);
    if (request->kind == NodeRequest::Kind::kReady) return supervisor_->mark_ready(request->service);
    if (request->kind == NodeRequest::Kind::kBroker) {
      if (keeper_ && message->fds.size() == 1) keeper_->connect(std::move(message->fds.front()));
      return;
    }
    if (request->kind == NodeRequest::Kind::kSockets) {
      if (message->fds.size() != 1) return;
      if (auto added = givers_->add(std::move(message->fds.front())); !added) log::warning("{}", added.error().what);
      return;
    }
    if (request->kind == NodeRequest::Kind::kRestart) return supervisor_->restart(request->service);
    if (request->kind == NodeRequest::Kind::kHalt) return supervisor_->kill_for_good(request->service);
    if (!stopping_) stop_pods(request->pods_grace.value_or(orders_.pods_grace));
  }

  void launcher_gone() {
    for (EventLoop::Watch& watch : watches_) watch.reset();
    givers_.reset();
    end_all();
    if (cgroup_)
      if (auto left = cgroup_->leave(); !left) log::warning("removing cgroups: {}", left.error().what);
    if (auto wiped = wipe_all(state_); !wiped) log::error("removing the state: {}", wiped.error().what);
    loop_.stop(1);
  }

  // First the kubelet, or it would start again what we stop.
  void stop_pods(std::chrono::milliseconds grace) {
    stopping_ = true;
    supervisor_->kill_for_good("kubelet");
    deadline_ = std::chrono::steady_clock::now() + grace;
    say_farewell(true);
  }

  // Signals what is left of the pods (only the first time), and looks again until none is left or time is up.
  void say_farewell(bool first) {
    bool left = false;
    if (auto all = processes(supervisor_->pids())) {
      for (const ProcessFacts& process : *all) {
        Farewell how = farewell(process);
        if (how == Farewell::kNone) continue;
        left = true;
        if (first) (void)::kill(process.pid, how == Farewell::kKill ? SIGKILL : SIGTERM);
      }
    }
    if (!left || std::chrono::steady_clock::now() >= deadline_) return stop_services();
    constexpr std::chrono::milliseconds kBetweenLooks{20};
    auto timer = loop_.after(kBetweenLooks, [this] { say_farewell(false); });
    if (!timer) return stop_services();
    again_farewell_ = *timer;
  }

  void stop_services() {
    supervisor_->stop([this] {
      end_all();
      auto wiped = wipe_contents();
      report({NodeReport::Kind::kStopped, {}, {}, {}, wiped ? "" : wiped.error().what, {}, 0});
      loop_.stop(wiped ? 0 : 1);
    });
  }

  // Every process of this pid namespace but us; then all of them are reaped, so that no file is in use any more.
  static void end_all() {
    (void)::kill(-1, SIGKILL);
    while (::wait(nullptr) > 0 || errno == EINTR) continue;
  }

  EventLoop loop_;
  NodeOrders orders_;
  StateHandle state_;
  std::optional<cgroups::Inner> cgroup_;
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<bypass::Keeper> keeper_;
  std::unique_ptr<SocketGiver> givers_;
  std::vector<EventLoop::Watch> watches_;
  EventLoop::Watch again_;
  EventLoop::Watch again_farewell_;
  std::chrono::steady_clock::time_point deadline_;
  bool stopping_ = false;
};

Result<int> run_node() {
  for (int fd : {kOrdersFd, kControlFd, kSocketsFd, kLockFd})
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return fail_errno("descriptor " + std::to_string(fd) + " is missing");
  const std::string text = TRY_WHILE("reading the orders", fs::read_fd(kOrdersFd));
  NodeOrders orders = TRY_WHILE("understanding the orders", orders_from_text(text));
  // For all that is started from here: never to take a CPU from somebody who computes at the moment of waking up
  // (sched(7), SCHED_BATCH). Containers get the usual policy back.
  const sched_param none{};
  if (::sched_setscheduler(0, SCHED_BATCH, &none) != 0) log::warning("SCHED_BATCH: {}", std::strerror(errno));
  ::umask(022);  // components and images expect it, whatever the user's is; the state directory itself is 0700
  StateHandle state = TRY(open_state(orders.state_dir));
  std::optional<cgroups::Inner> cgroup;
  TRY(make_node(orders, cgroup));
  EventLoop loop = TRY(EventLoop::create());
  return NodeInit(std::move(loop), std::move(orders), std::move(state), std::move(cgroup)).run();
}

}  // namespace

int node_init_main() {
  log::set_up("sublet node-init", log::Level::kInfo);
  auto status = run_node();
  if (status) return *status;
  report({NodeReport::Kind::kFailed, {}, {}, {}, status.error().what, status.error().hint, 0});
  log::error("{}", to_string(status.error()));
  return 1;
}

}  // namespace sublet::launcher
