// SPDX-License-Identifier: Apache-2.0
// Bring-up, read from the top: what is started, in which order, and what runs side by side from then on.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/cpu_list.h"
#include "base/fs.h"
#include "base/log.h"
#include "launcher/cluster/files.h"
#include "launcher/pki/kubeconfig.h"
#include "launcher/session/cluster_session.h"
#include "launcher/session/setup.h"

namespace sublet::launcher {

ClusterSession::ClusterSession(SessionPlan plan, StateDir state, Timeline timeline)
    : plan_(std::move(plan)),
      state_(std::move(state)),
      timeline_(std::move(timeline)),
      progress_(plan_.style),
      loop_(*EventLoop::create()),
      started_(std::time(nullptr)),
      started_at_(fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(started_))) {}

Result<void> ClusterSession::start() {
  TRY(watch_signals());
  begin_phase("keys and configuration");
  pki_ = TRY_WHILE("making keys and certificates", create_cluster_pki(pki_plan(plan_.plan)));
  TRY(configure());
  end_phase("keys and configuration");
  begin_phase("namespaces and network");
  // From here on all that we start is confined, but what says otherwise.
  if (!plan_.plan.cores.empty()) TRY_WHILE("node.cores", set_affinity(plan_.plan.cores));
  TRY(start_node());
  control_ = TRY(ControlServer::create(
      loop_, state_.file(kControlSocket),
      [this](const std::string& request, const ControlServer::Answer& answer) { on_request(request, answer); }));
  TRY(start_relay());
  TRY(start_ascent());
  ask_for_end(false);
  plan_end();
  save_status();
  return {};
}

Result<void> ClusterSession::watch_signals() {
  for (int number : {SIGINT, SIGTERM, SIGHUP})
    signal_watches_.push_back(TRY(loop_.on_signal(number, [this, number] { on_signal(number); })));
  for (int number : {SIGUSR1, SIGUSR2})
    signal_watches_.push_back(TRY(loop_.on_signal(number, [this, number] { on_user_signal(number); })));
  // A pipe that broke is an error of the write, not our end.
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return fail_errno("signal");
  tick();
  return {};
}

Result<void> ClusterSession::configure() {
  TRY_WHILE("writing the configuration", write_state(state_.path(), plan_.plan, pki_));
  orders_ = TRY(node_orders(state_.path(), plan_.plan, plan_.wrapper));
  return {};
}

// The process is held before its first step while it gets its ids and then, by the best rung that works, its cgroup.
Result<NodeProcess> ClusterSession::spawn_node() {
  NodeStart start;
  start.orders = *orders_;
  start.log_path = log_path("node-init");
  start.lock_fd = state_.lock_fd();
  start.when_created = [this](pid_t pid) -> Result<void> {
    TRY(write_id_maps(pid, plan_.plan.identity));
    return orders_->cgroup ? make_home(pid) : Result<void>();
  };
  return NodeProcess::start(start);
}

Result<void> ClusterSession::make_home(pid_t pid) {
  CgroupPlan cgroups = plan_.plan.cgroups;
  while (cgroups.any() && !home_) {
    const std::string name = state_.path().substr(state_.path().rfind('/') + 1);
    auto made = cgroups::Home::make(cgroups.attempts.front().home, name, pid);
    if (made)
      home_ = std::move(*made);
    else
      cgroups.step_down(made.error().what);
  }
  if (home_) cgroups.settle(home_->granted());
  const bool as_planned = cgroups.controllers == plan_.plan.cgroups.controllers;
  settle_cgroups(plan_.plan, std::move(cgroups));
  if (!home_) return fail("no cgroup for the cluster");
  // The kubelet and the OCI wrapper were told of other controllers than there are; nothing has read that yet.
  return as_planned ? Result<void>() : configure();
}

Result<void> ClusterSession::start_node() {
  auto started = spawn_node();
  if (!started && orders_->cgroup && !plan_.plan.cgroups.any()) {
    // No rung worked. Without one all is set up differently, from the clone on: so once more.
    TRY(configure());
    started = spawn_node();
  }
  if (!started) return tl::unexpected(std::move(started).error());
  node_.emplace(std::move(*started));
  std::vector<std::string> names;
  for (const Service& service : orders_->services)
    if (!service.is_milestone()) names.push_back(service.name);
  services_.emplace(names);
  report_watch_ = TRY(loop_.on_fd(node_->control_fd(), EPOLLIN, [this](std::uint32_t) { on_report(); }));
  node_watch_ = TRY(loop_.on_exit(node_->process(), [this](ExitStatus status) { on_node_exit(status); }));
  return {};
}

Result<void> ClusterSession::start_relay() {
  RelayPlan relay;
  relay.inner = [this] { return node_->sockets().get(); };
  relay.inner_port = kApiPort;
  relay.owner = ::getuid();
  relay.on_error = [](const Error& error) { log::debug("API relay: {}", error.what); };
  relay_.emplace(TRY_WHILE("opening the API's port", Relay::start(loop_, std::move(relay))));
  KubeconfigPlan config;
  config.server = fmt::format("https://127.0.0.1:{}", relay_->port());
  config.ca_pem = pki_.ca.cert_pem;
  config.client = pki_.admin;
  config.cluster = plan_.plan.name == "default" ? "sublet" : "sublet-" + plan_.plan.name;
  return fs::write_file(kubeconfig_path(), kubeconfig(config));
}

ClientPlan ClusterSession::api_plan() {
  ClientPlan api;
  api.server = fmt::format("https://127.0.0.1:{}", kApiPort);
  api.ca_pem = pki_.ca.cert_pem;
  api.cert_pem = pki_.sublet.cert_pem;
  api.key_pem = pki_.sublet.key_pem;
  api.socket = [this] { return node_->sockets().get(); };
  return api;
}

Result<void> ClusterSession::start_ascent() {
  mailbox_ = TRY(Mailbox::create(loop_));
  AscentPlan ascent;
  ascent.state_dir = state_.path();
  ascent.plan = plan_.plan;
  ascent.api = api_plan();
  Ascent::Listener listener;
  listener.begun = [this](const std::string& name) { mailbox_->post([this, name] { begin_phase(name); }); };
  listener.ended = [this](const std::string& name) { mailbox_->post([this, name] { end_phase(name); }); };
  listener.reached = [this](const char* name) {
    mailbox_->post([this, name] {
      // An error here means that node-init is gone, which its own watch tells.
      (void)node_->send({NodeRequest::Kind::kReady, name});
    });
  };
  listener.restart = [this](const char* service, const std::string& why) {
    mailbox_->post([this, service, why] {
      progress_.say(fmt::format("{} does not see the cluster ({}); it is started again", service, why));
      (void)node_->send({NodeRequest::Kind::kRestart, service});
    });
  };
  listener.done = [this](Result<void> result) {
    mailbox_->post([this, result = std::move(result)]() mutable { on_ascended(std::move(result)); });
  };
  ascent_ = TRY(Ascent::create(std::move(ascent), std::move(listener)));
  return {};
}

int ClusterSession::run() {
  if (auto started = start(); !started) fail_with(std::move(started).error(), {});
  // Without a node there is nothing that could call back.
  if (phase_ != State::kEnded) {
    auto status = loop_.run();
    if (!status) {
      log::error("{}", to_string(status.error()));
      exit_status_ = static_cast<int>(ExitCode::kFailure);
    }
  }
  ports_.reset();
  asking_.reset();
  drain_.reset();
  ascent_.reset();
  relay_.reset();
  control_.reset();
  tap_driver_.reset();
  broker_watch_.reset();
  if (broker_) (void)broker_->process.wait();  // its keeper is gone: it ends
  broker_.reset();
  if (home_)
    if (auto removed = std::move(*home_).remove(); !removed)
      log::warning("removing the cluster's cgroup: {}", to_string(removed.error()));
  home_.reset();
  Cleaner cleaner;
  if (plan_.plan.identity.rung != IdentityRung::kSingle)
    cleaner.write_id_maps = [identity = plan_.plan.identity](pid_t pid) { return write_id_maps(pid, identity); };
  if (auto removed = std::move(state_).remove(cleaner); !removed) {
    log::error("removing the state directory: {}", to_string(removed.error()));
    if (exit_status_ == 0) exit_status_ = static_cast<int>(ExitCode::kFailure);
  }
  answer_detached(exit_status_);
  return exit_status_;
}

}  // namespace sublet::launcher
