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
      started_at_(fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))) {}

Result<void> ClusterSession::start() {
  TRY(watch_signals());
  begin_phase("keys and configuration");
  pki_ = TRY_WHILE("making keys and certificates", create_cluster_pki(pki_plan(plan_.plan)));
  TRY_WHILE("writing the configuration", write_state(state_.path(), plan_.plan, pki_));
  orders_ = TRY(node_orders(state_.path(), plan_.plan, plan_.wrapper));
  end_phase("keys and configuration");
  begin_phase("namespaces and network");
  // From here on all that we start is confined, but what says otherwise.
  if (!plan_.plan.cores.empty()) TRY_WHILE("node.cores", set_affinity(plan_.plan.cores));
  TRY(start_node());
  control_ = TRY(ControlServer::create(loop_, state_.file(kControlSocket),
                                       [this](const std::string& request) { return on_request(request); }));
  TRY(start_relay());
  TRY(start_ascent());
  save_status();
  return {};
}

Result<void> ClusterSession::watch_signals() {
  for (int number : {SIGINT, SIGTERM, SIGHUP})
    signal_watches_.push_back(TRY(loop_.on_signal(number, [this, number] { on_signal(number); })));
  // A pipe that broke is an error of the write, not our end.
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return fail_errno("signal");
  tick();
  return {};
}

Result<void> ClusterSession::start_node() {
  NodeStart start;
  start.orders = *orders_;
  start.log_path = log_path("node-init");
  start.write_id_maps = [this](pid_t pid) { return write_id_maps(pid, plan_.plan.identity); };
  start.lock_fd = state_.lock_fd();
  node_ = TRY(NodeProcess::start(start));
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

Result<void> ClusterSession::start_ascent() {
  mailbox_ = TRY(Mailbox::create(loop_));
  AscentPlan ascent;
  ascent.state_dir = state_.path();
  ascent.plan = plan_.plan;
  ascent.api.server = fmt::format("https://127.0.0.1:{}", kApiPort);
  ascent.api.ca_pem = pki_.ca.cert_pem;
  ascent.api.cert_pem = pki_.sublet.cert_pem;
  ascent.api.key_pem = pki_.sublet.key_pem;
  ascent.api.socket = [this] { return node_->sockets().get(); };
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
  ascent_.reset();
  relay_.reset();
  control_.reset();
  tap_driver_.reset();
  broker_watch_.reset();
  if (broker_) (void)broker_->process.wait();  // its keeper is gone: it ends
  broker_.reset();
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
