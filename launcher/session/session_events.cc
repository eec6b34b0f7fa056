// SPDX-License-Identifier: Apache-2.0
// What can happen to a cluster, one function each.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "launcher/cluster/files.h"
#include "launcher/node/paths.h"
#include "launcher/session/cluster_session.h"
#include "launcher/session/command.h"
#include "launcher/session/grant.h"
#include "launcher/session/setup.h"

namespace sublet::launcher {
namespace {

// Between a second signal, or a node that does not end, and SIGKILL.
constexpr std::chrono::milliseconds kTick{100};

int status_of(const Error& error) { return static_cast<int>(error.exit); }

}  // namespace

void ClusterSession::begin_phase(const std::string& name) {
  timeline_.begin(name);
  progress_.begin(name);
}

void ClusterSession::end_phase(const std::string& name) {
  timeline_.end(name);
  const auto& spans = timeline_.spans();
  auto span = std::find_if(spans.rbegin(), spans.rend(), [&](const Span& s) { return s.name == name && !s.service; });
  if (span != spans.rend() && span->end_ms) progress_.end(name, *span->end_ms - span->begin_ms);
}

void ClusterSession::tick() {
  progress_.tick(timeline_.now_ms());
  if (phase_ == State::kEnded || phase_ == State::kReady) return;
  if (auto watch = loop_.after(kTick, [this] { tick(); })) tick_ = std::move(*watch);
}

void ClusterSession::on_report() {
  auto received = node_->receive();
  if (!received) return report_watch_.reset();  // its end comes by node_watch_
  const NodeReport& report = received->report;
  switch (report.kind) {
    case NodeReport::Kind::kRooted:
      for (const std::string& line : report.lines) {
        log::debug("left out: {}", line);
        if (line.starts_with("cgroups: ")) plan_.plan.lost.push_back(line);
      }
      if (plan_.plan.bypass)
        if (auto started = start_broker(); !started) return fail_with(std::move(started).error(), {"broker"});
      if (!plan_.plan.tap) end_phase("namespaces and network");
      return;
    case NodeReport::Kind::kTap: return on_tap(std::move(received->tap));
    case NodeReport::Kind::kService: return on_service(report);
    case NodeReport::Kind::kFailed: {
      Error error;
      error.what = report.detail;
      error.hint = report.hint;
      return fail_with(std::move(error), {});
    }
    case NodeReport::Kind::kStopped:
      if (!report.detail.empty()) log::warning("{}", report.detail);
      return;
  }
}

void ClusterSession::on_service(const NodeReport& report) {
  services_->apply(report);
  if (std::find(kMilestones.begin(), kMilestones.end(), report.service) != kMilestones.end()) return;
  if (report.event == "started") timeline_.begin(report.service, true);
  if (report.event == "ready") timeline_.end(report.service);
  if (report.service == kContainerd && report.event == "ready" && ascent_) ascent_->containerd_ready();
  if (phase_ == State::kReady && !draining_ && report.event == "ended")
    progress_.say(fmt::format("{} ended ({}); it is started again", report.service, report.detail));
  if (report.event == "given-up" && phase_ == State::kStarting)
    return fail_with(Error{report.service + " does not start: " + report.detail, "", {}, ExitCode::kFailure},
                     {report.service});
  save_status();
}

void ClusterSession::on_tap(UniqueFd tap) {
  tap_ = std::move(tap);
  if (auto started = start_tap(); !started) return fail_with(std::move(started).error(), {});
  end_phase("namespaces and network");
}

Result<void> ClusterSession::start_tap() {
  Command command;
  command.path = TRY(own_executable());
  command.argv = {"sublet", "tap-driver"};
  command.new_session = true;
  constexpr mode_t kLogMode = 0600;
  UniqueFd log = TRY(sys::open(log_path("tap"), O_WRONLY | O_CREAT | O_APPEND, kLogMode));
  command.fds = {{log.get(), 1}, {log.get(), 2}};
  constexpr int kReadyMs = 5000;
  tap_driver_ = TRY_WHILE("starting the tap driver",
                          netns::start_tap_driver(std::move(command), orders_->link.network, tap_.get(), kReadyMs));
  tap_watch_ = TRY(loop_.on_exit(tap_driver_->process, [this](ExitStatus status) { on_tap_exit(status); }));
  return {};
}

void ClusterSession::on_tap_exit(ExitStatus status) {
  if (phase_ == State::kStopping || phase_ == State::kEnded) return;
  // The tap itself is still here: a new driver goes on with it; only connections through the old one are lost.
  constexpr int kMaxRestarts = 10;
  if (++tap_restarts_ > kMaxRestarts)
    return progress_.say("the tap driver keeps failing (" + status.describe() +
                         "): pods do not reach outside any more");
  progress_.say("the tap driver ended (" + status.describe() + "); it is started again");
  if (auto started = start_tap(); !started) progress_.say(to_string(started.error()));
}

// Not waited for: containers that come before it serves wait for it.
Result<void> ClusterSession::start_broker() {
  if (!user_namespace_)
    user_namespace_ = TRY(sys::open(fmt::format("/proc/{}/ns/user", node_->process().pid()), O_RDONLY));
  if (!broker_status_) broker_status_ = TRY(listen_unix(state_.file(kBrokerSocket), SOCK_SEQPACKET));
  auto [keeper, broker] = TRY(sys::socketpair(SOCK_SEQPACKET));
  TRY(node_->send({NodeRequest::Kind::kBroker, ""}, {keeper.get()}));
  Command command;
  command.path = TRY(own_executable());
  command.argv = {"sublet", "broker"};
  command.cpus = plan_.plan.cpus;  // it works for pods, best on the CPU that a pod asks from
  command.new_session = true;
  constexpr mode_t kLogMode = 0600;
  UniqueFd log = TRY(sys::open(log_path("broker"), O_WRONLY | O_CREAT | O_APPEND, kLogMode));
  command.fds = {{log.get(), 1}, {log.get(), 2}};
  const bypass::BrokerOrders orders = TRY(broker_orders(plan_.plan));
  bypass::BrokerLinks links{broker.get(), broker_status_.get(), user_namespace_.get()};
  auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
  if (orders.ports) {
    if (!node_network_)
      node_network_ = TRY(sys::open(fmt::format("/proc/{}/ns/net", node_->process().pid()), O_RDONLY));
    links.ports = theirs.get();
    links.node_network = node_network_.get();
  }
  broker_ = TRY(bypass::start_broker(std::move(command), orders, links));
  if (!orders.ports) return watch_broker();
  if (ports_)
    ports_->connect(std::move(ours));
  else
    broker_ports_ = std::move(ours);
  return watch_broker();
}

Result<void> ClusterSession::watch_broker() {
  broker_watch_ = TRY(loop_.on_exit(broker_->process, [this](ExitStatus status) { on_broker_exit(status); }));
  return {};
}

void ClusterSession::on_broker_exit(ExitStatus status) {
  broker_.reset();
  if (phase_ == State::kStopping || phase_ == State::kEnded) return;
  // The listeners are kept: what pods ask meanwhile waits for the next one. So it is tried again as long as it takes.
  progress_.say("the bypass's broker ended (" + status.describe() + "); it is started again");
  constexpr int kQuick = 5;
  constexpr std::chrono::milliseconds kLater{1000};
  auto again = [this] {
    if (auto started = start_broker(); !started) progress_.say(to_string(started.error()));
  };
  if (++broker_restarts_ <= kQuick) return again();
  if (auto timer = loop_.after(kLater, again)) broker_again_ = std::move(*timer);
}

void ClusterSession::on_node_exit(ExitStatus status) {
  node_ended_ = true;
  report_watch_.reset();
  if (phase_ != State::kStopping)
    fail_with(
        Error{"node-init has ended (" + status.describe() + "), and the cluster with it", "", {}, ExitCode::kFailure},
        {"node-init"});
  finish();
}

void ClusterSession::on_ascended(Result<void> result) {
  if (phase_ != State::kStarting) return;
  if (result) return ready();
  // The late ones are those whose phase is still open.
  std::vector<std::string> late;
  const std::vector<std::string> open = timeline_.open_phases();
  auto is_open = [&](const char* name) { return std::find(open.begin(), open.end(), name) != open.end(); };
  if (is_open("API server") || is_open("API server ready")) late.insert(late.end(), {kEtcd, kApiServer});
  if (is_open("node")) late.insert(late.end(), {kKubelet, kContainerd});
  if (is_open("controllers")) late.push_back(kControllerManager);
  if (is_open("DNS")) late.insert(late.end(), {kCoreDns, kProxy});
  if (is_open("images")) late.push_back(kContainerd);
  fail_with(std::move(result).error(), late);
}

void ClusterSession::ready() {
  phase_ = State::kReady;
  ready_ms_ = timeline_.now_ms();
  save_status();
  if (auto saved = fs::write_file(state_.file("timeline.json"), timeline_as_json(timeline_.spans())); !saved)
    log::warning("{}", saved.error().what);
  for (const std::string& lost : plan_.plan.lost) progress_.say("degraded: " + lost);
  progress_.say(fmt::format("cluster {} is ready ({:.1f} s); KUBECONFIG={}", plan_.plan.name,
                            static_cast<double>(ready_ms_) / 1000, kubeconfig_path()));
  progress_.finish();
  start_ports();
  answer_detached(0);
  watch_share();
  if (plan_.command.empty()) return;
  if (auto started = start_command(); !started) {
    log::error("{}", to_string(started.error()));
    begin_stop(status_of(started.error()));
  }
}

Result<void> ClusterSession::start_command() {
  Command command;
  command.argv = plan_.command;
  command.cpus = plan_.plan.cpus;
  for (int fd : plan_.command_fds) command.fds.emplace_back(fd, fd);
  std::vector<std::string> env;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    std::string_view text = *variable;
    if (!text.starts_with("KUBECONFIG=") && !text.starts_with("PATH=") && !text.starts_with("SUBLET_NAME=") &&
        !text.starts_with("SUBLET_STATE_DIR="))
      env.emplace_back(text);
  }
  const char* path = std::getenv("PATH");
  // The user's own kubectl comes first, ours is there where he has none.
  env.push_back(std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin") + ":" + plan_.plan.components_dir);
  env.push_back("KUBECONFIG=" + kubeconfig_path());
  // So that `sublet …` in it means this cluster, wherever its state is.
  env.push_back("SUBLET_NAME=" + plan_.plan.name);
  env.push_back("SUBLET_STATE_DIR=" + plan_.plan.state_base);
  command.env = std::move(env);
  command.path = TRY(find_command(plan_.command.front(), plan_.plan.components_dir));
  if (plan_.plan.config.reach) {
    // As under `sublet exec`, whose agent then is our child in its stead.
    command.argv = {"sublet", "exec-run", state_.path(), command.path};
    command.argv.insert(command.argv.end(), plan_.command.begin(), plan_.command.end());
    command.path = TRY(own_executable());
  }
  auto process = command.spawn();
  if (!process) {
    constexpr int kNotExecutable = 126;
    constexpr int kNotFound = 127;
    int status = process.error().is(ENOENT) ? kNotFound : kNotExecutable;
    return tl::unexpected(std::move(process).error().with_exit(static_cast<ExitCode>(status)));
  }
  command_.emplace(std::move(*process));
  command_watch_ = TRY(loop_.on_exit(*command_, [this](ExitStatus status) { on_command_exit(status); }));
  return {};
}

void ClusterSession::on_command_exit(ExitStatus status) {
  command_.reset();
  end_timer_.reset();
  if (draining_) return on_command_end_while_draining(status);
  if (status.signalled) progress_.say(plan_.command.front() + " was " + status.describe());
  begin_stop(end_status_ != 0 && status.signalled ? end_status_ : status.shell_status());
}

void ClusterSession::on_signal(int number) {
  if (phase_ == State::kStopping) {
    // Asked twice: no more waiting for pods.
    if (number != SIGHUP && node_ && !node_ended_) (void)node_->process().signal(SIGKILL);
    return;
  }
  on_asked_to_end(number);
}

ControlServer::Reply ClusterSession::grant_sockets() {
  Grant grant;
  grant.cluster = plan_.plan.name;
  auto refused = [&](const std::string& why) {
    grant.refusal = "cluster " + plan_.plan.name + " " + why;
    return ControlServer::Reply{to_json(grant), {}};
  };
  if (phase_ == State::kStarting) return refused("is still starting");
  if (phase_ != State::kReady || draining_) return refused("is being taken down");
  const Addresses& addresses = plan_.plan.addresses;
  for (const std::string& text : {addresses.node_cidr, addresses.node6_cidr, addresses.pods, addresses.services}) {
    if (text.empty()) continue;
    if (auto prefix = parse_cidr(text)) grant.prefixes.push_back(*prefix);
  }
  if (auto dns = parse_ip(addresses.node)) grant.dns = *dns;
  grant.domain = plan_.plan.config.cluster_domain;
  auto pair = sys::socketpair(SOCK_SEQPACKET);
  if (!pair) return refused("has no socket left: " + pair.error().what);
  if (auto sent = node_->send({NodeRequest::Kind::kSockets, ""}, {pair->first.get()}); !sent)
    return refused("does not answer: " + sent.error().what);
  ControlServer::Reply reply{to_json(grant), {}};
  reply.fds.push_back(std::move(pair->second));
  if (UniqueFd names = ports_ ? ports_->names() : UniqueFd()) reply.fds.push_back(std::move(names));
  return reply;
}

void ClusterSession::on_request(const std::string& request, const ControlServer::Answer& answer) {
  if (request == "status") return answer({status_json(), {}});
  if (request == kGrantRequest) return answer(grant_sockets());
  if (request.starts_with(kPortsRequest)) return on_expose(request.substr(kPortsRequest.size()), answer);
  if (request == "down") {
    progress_.say("stopping (sublet down)");
    if (command_) (void)command_->signal(SIGTERM);
    begin_stop(0);
    return answer({"stopping", {}});
  }
  answer({"unknown request", {}});
}

void ClusterSession::on_expose(const std::string& request, const ControlServer::Answer& answer) {
  if (ports_) return ports_->ask(request, [answer](const std::string& text) { answer({text, {}}); });
  const bool later = plan_.plan.ports && phase_ == State::kStarting;
  const nlohmann::json refusal{
      {"error", later ? "the cluster is still starting" : "this cluster has no ports of the host"},
      {"hint", later               ? "wait until it is ready"
               : plan_.plan.bypass ? "network.ports is \"off\""
                                   : "they need the bypass: `sublet doctor` says why there is none, or network.bypass "
                                     "is \"off\""}};
  answer({refusal.dump(), {}});
}

void ClusterSession::start_ports() {
  if (!plan_.plan.ports) return;
  PortBoard::Plan board;
  board.api = api_plan();
  board.settings = {static_cast<std::uint16_t>(plan_.plan.config.port_offset), plan_.plan.config.public_ports};
  board.policies = plan_.plan.policy;
  board.post = [this](std::function<void()> call) { mailbox_->post(std::move(call)); };
  board.say = [this](const std::string& text) { progress_.say(text); };
  ports_ = std::make_unique<PortBoard>(loop_, std::move(board));
  if (broker_ports_) ports_->connect(std::move(broker_ports_));
}

std::string ClusterSession::log_path(const std::string& component) const {
  const std::string& own = plan_.plan.config.log_dir;
  return (own.empty() ? state_.file(state_layout::kLogs) : own) + "/" + component + ".log";
}

void ClusterSession::show_log_end(const std::string& component) {
  constexpr std::size_t kLines = 12;
  constexpr std::size_t kBytes = 16384;
  auto text = fs::read_tail(log_path(component), kBytes);
  if (!text || text->empty()) return;
  fmt::print(stderr, "--- the end of {}.log\n", component);
  for (const std::string& line : last_lines(*text, kLines)) fmt::print(stderr, "    {}\n", line);
}

void ClusterSession::fail_with(Error error, const std::vector<std::string>& late) {
  if (phase_ == State::kStopping || phase_ == State::kEnded) return;
  progress_.finish();
  log::error("{}", to_string(error));
  for (const std::string& component : late) show_log_end(component);
  begin_stop(status_of(error));
}

void ClusterSession::begin_stop(int exit_status, std::optional<std::chrono::milliseconds> pods_grace) {
  if (phase_ == State::kStopping || phase_ == State::kEnded) return;
  exit_status_ = exit_status;
  phase_ = State::kStopping;
  if (ascent_) ascent_->cancel();
  ports_.reset();  // its watches would only see the API server go
  save_status();
  tick();
  if (!node_ || node_ended_) return finish();
  if (!node_->send({NodeRequest::Kind::kStop, "", pods_grace})) (void)node_->process().signal(SIGKILL);
  auto late = loop_.after(plan_.plan.config.stop_timeout, [this] {
    progress_.say("the node does not end in time; it is killed");
    (void)node_->process().signal(SIGKILL);
  });
  if (late) deadline_ = std::move(*late);
}

void ClusterSession::finish() {
  if (phase_ == State::kEnded) return;
  phase_ = State::kEnded;
  progress_.finish();
  tick_.reset();
  deadline_.reset();
  if (command_) {
    // The cluster is gone under it; it hears of that by SIGTERM and is not waited for longer than a moment.
    constexpr int kGraceMs = 2000;
    (void)command_->signal(SIGTERM);
    auto ended = command_->wait_for(kGraceMs);
    if (!ended || !*ended) {
      (void)command_->signal(SIGKILL);
      (void)command_->wait();
    }
    command_.reset();
  }
  loop_.stop(0);
}

void ClusterSession::answer_detached(int exit_status) {
  if (auto detach = std::exchange(plan_.detach, nullptr)) detach(exit_status);
}

std::string ClusterSession::status_json() const {
  static constexpr const char* kNames[] = {"starting", "ready", "stopping", "ended"};
  const Plan& plan = plan_.plan;
  nlohmann::json status = {
      {"schema", 1},
      {"name", plan.name},
      {"state", draining_ && phase_ == State::kReady ? "draining" : kNames[static_cast<int>(phase_)]},
      {"pid", ::getpid()},
      {"started", started_at_},
      {"ready_seconds",
       ready_ms_ > 0 ? nlohmann::json(static_cast<double>(ready_ms_) / 1000) : nlohmann::json(nullptr)},
      {"node", plan.node_name},
      {"end", end_ ? nlohmann::json(*end_) : nlohmann::json(nullptr)},
      {"job", job_as_json(plan.job)},
      {"share", share_as_json(plan.share, plan.memory_for_pods())},
      {"devices", devices_as_json(plan.devices)},
      {"devices_text", devices_text(plan.devices)},
      {"job_text", job_text(plan.job, std::time(nullptr))},
      {"share_text", share_line()},
      {"share_offered", !too_much_asked_},
      {"node_pid", node_ && !node_ended_ ? node_->process().pid() : 0},
      {"state_dir", state_.path()},
      {"log_dir", plan.config.log_dir.empty() ? state_.file(state_layout::kLogs) : plan.config.log_dir},
      {"kubeconfig", kubeconfig_path()},
      {"components", plan.components_dir},
      {"api_server", relay_ ? fmt::format("https://127.0.0.1:{}", relay_->port()) : ""},
      {"ladders",
       {{"identity", name_of(plan.identity.rung)},
        {"cgroups", name_of(plan.cgroups.rung)},
        {"network_out", plan.tap ? "tap" : "none"},
        {"bypass", plan.bypass ? "bypass" : "none"},
        {"service_proxy", name_of(plan.proxy)},
        {"network_policy", plan.policy ? "nftables" : "none"},
        {"snapshotter", name_of(plan.snapshotter)},
        {"proc", plan.fresh_proc ? "fresh" : "host"},
        {"sysfs", plan.fresh_sysfs ? "fresh" : "host"}}},
      {"cgroup", home_ ? home_->path() : ""},
      {"cgroup_controllers", plan.cgroups.controllers},
      {"lost", plan.lost},
      {"tap_restarts", tap_restarts_},
      {"broker_restarts", broker_restarts_},
      {"services", services_ ? services_->as_json() : nlohmann::json::array()}};
  return status.dump();
}

void ClusterSession::save_status() {
  if (phase_ == State::kEnded) return;
  if (auto saved = state_.write_status(status_json()); !saved) log::warning("{}", saved.error().what);
}

}  // namespace sublet::launcher
