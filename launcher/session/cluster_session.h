// SPDX-License-Identifier: Apache-2.0
// One cluster's life, seen from the launcher: bring-up, the time in between, the end. An event loop with everything
// that can happen to a cluster; the waiting is done by Ascent's threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "bypass/start.h"
#include "cgroups/home.h"
#include "launcher/allocation/deadline.h"
#include "launcher/api/relay.h"
#include "launcher/pki/cluster_pki.h"
#include "launcher/plan/plan.h"
#include "launcher/services/board.h"
#include "launcher/session/ascent.h"
#include "launcher/session/asking.h"
#include "launcher/session/control.h"
#include "launcher/session/drain.h"
#include "launcher/session/mailbox.h"
#include "launcher/session/node_process.h"
#include "launcher/session/progress.h"
#include "launcher/session/services_view.h"
#include "launcher/session/survey.h"
#include "launcher/session/timeline.h"
#include "launcher/state/state_dir.h"
#include "netns/tap_driver.h"

namespace sublet::launcher {

struct SessionPlan {
  Plan plan;
  std::string wrapper;               // the OCI wrapper's path
  std::vector<std::string> command;  // `run`: what to run once the cluster is ready; empty: until told to stop
  std::vector<int> command_fds;      // descriptors of ours that it gets, at their numbers
  Progress::Style style = Progress::Style::kPlain;
  /// `up --detach`: called once, with the exit status of the command that the user sees, when the cluster is ready or
  /// has failed.
  std::function<void(int)> detach;
};

class ClusterSession {
 public:
  ClusterSession(SessionPlan plan, StateDir state, Timeline timeline);
  /// From bring-up to the end: nothing of the cluster is left when this returns, but for what the error or warning on
  /// standard error names. Gives the exit status.
  [[nodiscard]] int run();

 private:
  // Bring-up, top to bottom: session_start.cc.
  Result<void> start();
  Result<void> configure();
  Result<void> start_node();
  Result<NodeProcess> spawn_node();
  Result<void> make_home(pid_t pid);
  Result<void> start_ascent();
  Result<void> start_relay();
  Result<void> watch_signals();

  // What happens: session_events.cc.
  void on_report();
  void on_service(const NodeReport& report);
  void on_tap(UniqueFd tap);
  void on_tap_exit(ExitStatus status);
  void on_broker_exit(ExitStatus status);
  void on_node_exit(ExitStatus status);
  void on_ascended(Result<void> result);
  void on_signal(int number);
  void on_command_exit(ExitStatus status);
  void on_request(const std::string& request, const ControlServer::Answer& answer);
  [[nodiscard]] ControlServer::Reply grant_sockets();
  void on_expose(const std::string& request, const ControlServer::Answer& answer);
  void start_ports();

  // The end before the job's: session_end.cc.
  void ask_for_end(bool again);
  void on_answer(Inquiry::Kind kind, const Result<std::string>& answer);
  void plan_end();
  void warn_of_end();
  [[nodiscard]] bool is_over() const;
  void drain(const std::string& why, std::chrono::seconds budget);
  void drain_pods();
  void on_drained(const Result<void>& result);
  void end_drained();
  void on_command_end_while_draining(ExitStatus status);
  void on_asked_to_end(int number);
  void on_user_signal(int number);
  [[nodiscard]] ClientPlan api_plan();

  // A share that changes: session_share.cc.
  void watch_share();
  void on_survey(const Result<Requests>& asked);
  [[nodiscard]] std::string share_line() const;

  void ready();
  Result<void> start_command();
  Result<void> start_tap();
  Result<void> start_broker();
  Result<void> watch_broker();
  void fail_with(Error error, const std::vector<std::string>& late);
  /// `pods_grace`: what is left of the pods gets SIGTERM and this long; not set: as long as usual.
  void begin_stop(int exit_status, std::optional<std::chrono::milliseconds> pods_grace = {});
  void finish();
  void tick();
  void begin_phase(const std::string& name);
  void end_phase(const std::string& name);
  void show_log_end(const std::string& component);
  void answer_detached(int exit_status);
  [[nodiscard]] std::string status_json() const;
  void save_status();
  [[nodiscard]] std::string kubeconfig_path() const { return state_.file("kubeconfig"); }
  [[nodiscard]] std::string log_path(const std::string& component) const;

  enum class State { kStarting, kReady, kStopping, kEnded };

  SessionPlan plan_;
  StateDir state_;
  Timeline timeline_;
  Progress progress_;
  EventLoop loop_;
  State phase_ = State::kStarting;
  int exit_status_ = 0;
  ClusterPki pki_;
  std::int64_t started_ = 0;  // seconds since 1970
  std::string started_at_;
  std::int64_t ready_ms_ = 0;
  std::optional<NodeOrders> orders_;
  std::optional<cgroups::Home> home_;
  std::optional<NodeProcess> node_;
  bool node_ended_ = false;
  UniqueFd tap_;
  std::optional<netns::TapDriver> tap_driver_;
  int tap_restarts_ = 0;
  UniqueFd broker_status_;  // listens; whoever asks there asks the broker
  UniqueFd user_namespace_;
  UniqueFd node_network_;
  UniqueFd broker_ports_;  // the current broker's, until there is a board
  std::optional<bypass::BrokerProcess> broker_;
  int broker_restarts_ = 0;
  std::unique_ptr<Mailbox> mailbox_;
  std::unique_ptr<Ascent> ascent_;
  std::optional<Relay> relay_;
  std::unique_ptr<ControlServer> control_;
  std::optional<ServicesView> services_;
  std::optional<Process> command_;
  std::optional<std::int64_t> end_;  // when it must be gone, seconds since 1970
  Schedule schedule_;
  bool warned_ = false;
  bool draining_ = false;
  bool drained_ = false;
  int end_status_ = 0;
  std::optional<Share> offered_;            // by the node; set when it is ready
  std::optional<Requests> too_much_asked_;  // for it to offer the share that there is now
  std::chrono::steady_clock::time_point drain_until_;
  std::vector<EventLoop::Watch> signal_watches_;
  EventLoop::Watch report_watch_;
  EventLoop::Watch node_watch_;
  EventLoop::Watch tap_watch_;
  EventLoop::Watch broker_watch_;
  EventLoop::Watch broker_again_;
  EventLoop::Watch command_watch_;
  EventLoop::Watch tick_;
  EventLoop::Watch deadline_;
  EventLoop::Watch end_timer_;
  EventLoop::Watch share_timer_;
  // Last: their threads post into the mailbox.
  std::unique_ptr<Asking> asking_;
  std::unique_ptr<Drain> drain_;
  std::unique_ptr<Survey> survey_;
  std::unique_ptr<PortBoard> ports_;
};

}  // namespace sublet::launcher
