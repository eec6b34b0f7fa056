// SPDX-License-Identifier: Apache-2.0
// How a cluster ends before its job does: the end is known or a signal says that it is near; the user hears of it; CMD,
// then the pods, get SIGTERM and their time; then everything is taken down. And how it ends when the workload manager
// says so: within what that allows before it kills.
#include <fmt/format.h>
#include <signal.h>

#include <ctime>

#include "base/log.h"
#include "launcher/allocation/deadline.h"
#include "launcher/session/cluster_session.h"

namespace sublet::launcher {
namespace {

using std::chrono::seconds;

constexpr int kWalltimeStatus = static_cast<int>(ExitCode::kWalltime);

std::int64_t now() { return std::time(nullptr); }

}  // namespace

void ClusterSession::ask_for_end(bool again) {
  auto inquiry = inquiry_for(plan_.plan.job, again);
  // Whoever set a walltime of his own need not be asked for, but may have a job that ends sooner.
  if (!inquiry) return;
  const Inquiry::Kind kind = inquiry->kind;
  auto asking = Asking::start(std::move(*inquiry), [this, kind](Result<std::string> answer) {
    mailbox_->post([this, kind, answer = std::move(answer)] { on_answer(kind, answer); });
  });
  if (asking)
    asking_ = std::move(*asking);
  else
    log::warning("{}", asking.error().what);
}

void ClusterSession::on_answer(Inquiry::Kind kind, const Result<std::string>& answer) {
  std::vector<std::string> warnings;
  auto applied = answer ? apply_answer(kind, *answer, plan_.plan.node_name, now(), plan_.plan.job, warnings)
                        : Result<void>(tl::unexpected(answer.error()));
  for (const std::string& warning : warnings) log::warning("{}", warning);
  if (!applied) return log::info("asking the workload manager: {}", applied.error().what);
  plan_end();
  save_status();
}

void ClusterSession::plan_end() {
  if (draining_ || phase_ == State::kStopping || phase_ == State::kEnded) return;
  end_ = end_of(plan_.plan.job.end, started_, plan_.plan.config.walltime);
  end_timer_.reset();
  if (!end_) return;
  schedule_ = schedule(now(), *end_, plan_.plan.config.drain_timeout);
  const bool warn = !warned_ && schedule_.warning < schedule_.drain;
  const seconds wait(std::max<std::int64_t>((warn ? schedule_.warning : schedule_.drain) - now(), 0));
  auto timer =
      loop_.after(wait, [this, warn] { warn ? warn_of_end() : drain("the job's time is up", schedule_.budget); });
  if (timer) end_timer_ = std::move(*timer);
}

void ClusterSession::warn_of_end() {
  warned_ = true;
  progress_.say(fmt::format("the {} ends in {}: the cluster is taken down in {}",
                            plan_.plan.job.end == end_ ? "job" : "cluster's walltime",
                            time_text(seconds(*end_ - now())), time_text(seconds(schedule_.drain - now()))));
  plan_end();
  ask_for_end(true);  // it may have been moved
}

bool ClusterSession::is_over() const { return end_ && now() >= *end_ - 1; }

void ClusterSession::drain(const std::string& why, seconds budget) {
  if (draining_ || phase_ == State::kStopping || phase_ == State::kEnded) return;
  end_timer_.reset();
  if (phase_ == State::kStarting) {
    progress_.say("interrupted: " + why);
    return begin_stop(kWalltimeStatus);
  }
  draining_ = true;
  end_status_ = kWalltimeStatus;
  drain_until_ = std::chrono::steady_clock::now() + budget;
  progress_.say(fmt::format("{}: {} has {} to end", why, command_ ? "the command" : "each pod", time_text(budget)));
  save_status();
  if (!command_) return drain_pods();
  // The command first: it works with the pods. If it takes more than half of the time, they are told beside it.
  (void)command_->signal(SIGTERM);
  if (auto timer = loop_.after(seconds(budget) / 2, [this] { drain_pods(); })) end_timer_ = std::move(*timer);
}

void ClusterSession::drain_pods() {
  if (drain_ || phase_ != State::kReady) return;
  end_timer_.reset();
  // Without it, no pod starts any more in place of one that ends.
  (void)node_->send({NodeRequest::Kind::kHalt, "kube-scheduler"});
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(drain_until_ - std::chrono::steady_clock::now());
  const auto time = std::max(left, std::chrono::milliseconds(0));
  drain_ = std::make_unique<Drain>(api_plan(), time, [this](Result<void> result) {
    mailbox_->post([this, result = std::move(result)] { on_drained(result); });
  });
  // However long the API takes to answer.
  constexpr std::chrono::milliseconds kSlack{500};
  if (auto timer = loop_.after(time + kSlack, [this] { end_drained(); })) end_timer_ = std::move(*timer);
}

void ClusterSession::on_drained(const Result<void>& result) {
  if (!result) log::info("draining: {}", result.error().what);
  if (!result && !result.error().is(ETIMEDOUT)) return;  // the time is the pods' all the same
  // The command may still be at it, and has until the end of the time.
  drained_ = true;
  if (!command_ || !result) end_drained();
}

void ClusterSession::end_drained() { begin_stop(end_status_, std::chrono::milliseconds(0)); }

void ClusterSession::on_command_end_while_draining(ExitStatus status) {
  // One that is killed by the signal has not ended by itself.
  if (!status.signalled) end_status_ = status.shell_status();
  if (drained_) return end_drained();
  drain_pods();
}

void ClusterSession::on_asked_to_end(int number) {
  const seconds delay = kill_delay(plan_.plan.job.manager);
  const bool over = is_over() || draining_;
  // In a job SIGKILL follows: what has not ended after half of that time is ended, in order.
  std::optional<std::chrono::milliseconds> grace;
  if (delay.count() > 0) grace = std::min<std::chrono::milliseconds>(seconds(5), delay * 2 / 5);
  if (command_ && !draining_) {
    // A terminal's ^C reaches the command by itself, as part of our process group.
    if (number != SIGINT) (void)command_->signal(number);
    if (over) end_status_ = kWalltimeStatus;
    if (!grace || number != SIGTERM) return;
    auto late = [this, over, grace] { begin_stop(over ? kWalltimeStatus : 128 + SIGTERM, grace); };
    if (auto timer = loop_.after(std::chrono::milliseconds(delay) / 2, late)) end_timer_ = std::move(*timer);
    return;
  }
  const bool was_ready = phase_ == State::kReady;
  constexpr int kShellSignal = 128;
  progress_.say(std::string(was_ready ? "stopping" : "interrupted") + " (" + sigabbrev_np(number) + ")");
  begin_stop(draining_ ? end_status_ : over ? kWalltimeStatus : was_ready ? 0 : kShellSignal + number, grace);
}

void ClusterSession::on_user_signal(int number) {
  const DrainSignal chosen = plan_.plan.config.drain_signal;
  if ((chosen == DrainSignal::kUsr1 && number == SIGUSR1) || (chosen == DrainSignal::kUsr2 && number == SIGUSR2))
    return drain(fmt::format("told by SIG{} that the job ends", sigabbrev_np(number)), plan_.plan.config.drain_timeout);
  if (command_) (void)command_->signal(number);
}

}  // namespace sublet::launcher
