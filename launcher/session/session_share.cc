// SPDX-License-Identifier: Apache-2.0
// The job's share may change while a cluster runs: a cpuset, a memory limit, the launcher's affinity. Only the kubelet
// says what the node has, and it looks at its start alone: so it is started again, with the new share for a machine.
// Pods run on through that. But a kubelet that starts fails those that do not fit any more; so it is left as it is
// until they do.
#include "base/log.h"
#include "launcher/cluster/files.h"
#include "launcher/cluster/requests.h"
#include "launcher/facts/cores.h"
#include "launcher/facts/host.h"
#include "launcher/session/cluster_session.h"
#include "launcher/session/setup.h"

namespace sublet::launcher {

void ClusterSession::watch_share() {
  constexpr std::chrono::seconds kBetweenLooks{10};
  Plan& plan = plan_.plan;
  if (!offered_) offered_ = plan.share;
  HostLimits limits = host_limits();
  // Confined to a part of them ourselves, we see only what we have lost.
  if (!plan.cores.empty()) limits.cpus = still_allowed(plan.cpus);
  Share share = share_of(limits, plan.job);
  if (!alike(share, plan.share)) {
    plan.share = std::move(share);
    plan.confine_pods = !limits.cpus.empty() && limits.cpus.size() < limits.machine_cpus;
    if (!limits.cpus.empty()) plan.cpus = std::move(limits.cpus);
    too_much_asked_.reset();
    progress_.say("the job's share has changed to " + share_text(plan.share, plan.memory_for_pods()));
    save_status();
  }
  if (phase_ == State::kReady && !draining_ && !alike(plan.share, *offered_))
    survey_ = std::make_unique<Survey>(api_plan(), plan.node_name, [this](Result<Requests> asked) {
      mailbox_->post([this, asked = std::move(asked)] { on_survey(asked); });
    });
  if (auto timer = loop_.after(kBetweenLooks, [this] { watch_share(); })) share_timer_ = std::move(*timer);
}

void ClusterSession::on_survey(const Result<Requests>& asked) {
  const Plan& plan = plan_.plan;
  if (phase_ != State::kReady || draining_ || alike(plan.share, *offered_)) return;
  if (!asked) return log::info("asking for the node's pods: {}", asked.error().what);  // the next look asks again
  if (!fits(*asked, plan)) {
    if (too_much_asked_ == *asked) return;
    too_much_asked_ = *asked;
    progress_.say("the pods ask for " + to_text(*asked) + ": until that fits, the node offers what it had");
    return save_status();
  }
  too_much_asked_.reset();
  // Once for each share, whatever becomes of it: what cannot be written now can't be in ten seconds.
  offered_ = plan.share;
  if (auto written = write_machine(state_.path(), plan); !written)
    return log::warning("the node goes on to offer what it had: {}", to_string(written.error()));
  progress_.say("the kubelet is started again, to offer that; pods run on");
  if (auto sent = node_->send({NodeRequest::Kind::kRestart, kKubelet}); !sent) log::warning("{}", sent.error().what);
  save_status();
}

std::string ClusterSession::share_line() const {
  std::string text = share_text(plan_.plan.share, plan_.plan.memory_for_pods());
  if (too_much_asked_) text += "; until its pods ask for less, the node offers what it had";
  return text;
}

}  // namespace sublet::launcher
