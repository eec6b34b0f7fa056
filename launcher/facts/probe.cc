// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/probe.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/process.h"
#include "base/strings.h"
#include "launcher/facts/host.h"
#include "launcher/facts/id_map.h"

namespace sublet::launcher {
namespace {

// Far more than the trials take (some 20 ms); only a program that hangs comes near.
constexpr int kProbeMs = 15'000;

struct Row {
  const char* name;
  Probe Facts::*field;
};
constexpr std::array kRows = {
    Row{"tun", &Facts::tun},
    Row{"overlayfs", &Facts::overlayfs},
    Row{"fuse_overlayfs", &Facts::fuse_overlayfs},
    Row{"fresh_proc", &Facts::fresh_proc},
    Row{"fresh_sysfs", &Facts::fresh_sysfs},
    Row{"nftables", &Facts::nftables},
    Row{"iptables", &Facts::iptables},
    Row{"bridge", &Facts::bridge},
    Row{"dummy", &Facts::dummy},
};

enum class Reached { kNothing, kClone, kMaps };

struct Attempt {
  Reached reached = Reached::kNothing;
  Result<Output> output;
};

Attempt attempt(const IdentityPlan& plan, const std::string& program, const std::string& scratch) {
  Reached reached = Reached::kNothing;
  Command command{.path = program, .argv = {"sublet", "probe"}};
  command.cwd = scratch.empty() ? "/" : scratch;
  // All that a cluster gets, in one clone.
  command.namespaces =
      CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
  command.become_root = true;
  command.parent_death_signal = SIGKILL;
  command.when_created = [&](pid_t pid) -> Result<void> {
    reached = Reached::kClone;
    TRY(write_id_maps(pid, plan));
    reached = Reached::kMaps;
    return {};
  };
  auto output = run(std::move(command), kProbeMs);
  return {reached, std::move(output)};
}

Probe probe_of(const nlohmann::json& answer) {
  if (!answer.is_object()) return {false, "not tried"};
  return {answer.value("ok", false), answer.value("reason", "")};
}

void read_answers(Facts& facts, const Output& output) {
  auto answers = nlohmann::json::parse(output.out, nullptr, false);
  if (!output.status.success() || !answers.is_object()) {
    std::string said(trim(output.err));
    facts.user_namespace = {
        false, "the probe in it gave no answer: " + output.status.describe() + (said.empty() ? "" : ": " + said)};
    return;
  }
  facts.user_namespace = probe_of(answers.value("user_namespace", nlohmann::json()));
  for (const Row& row : kRows) facts.*row.field = probe_of(answers.value(row.name, nlohmann::json()));
}

// newuidmap is a setuid program, and those do nothing under no_new_privs: it would only say "Operation not permitted".
std::string explain_id_maps(const std::string& failure) {
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
    return failure + " (no_new_privs is set for this process, so setuid programs have no effect)";
  return failure;
}

}  // namespace

void try_in_namespaces(Facts& facts, const std::string& program, const std::string& scratch) {
  auto subuid = plan_subuid(facts);
  if (!subuid) facts.id_maps = {false, subuid.error().what};
  Attempt made = attempt(subuid ? *subuid : plan_single(facts), program, scratch);
  if (subuid && made.reached == Reached::kClone) {
    facts.id_maps = {false, explain_id_maps(made.output.error().what)};
    made = attempt(plan_single(facts), program, scratch);
  } else if (subuid && made.reached == Reached::kMaps) {
    facts.id_maps = {true, ""};
  }
  if (made.output) {
    read_answers(facts, *made.output);
  } else {
    facts.user_namespace = {false, made.output.error().what};
  }
  if (facts.user_namespace.ok) {
    if (scratch.empty()) facts.overlayfs = {false, "not tried: no directory can hold the state"};
    return;
  }
  facts.user_namespace.reason = explain_user_namespace(facts.user_namespace.reason, kernel_setting);
  for (const Row& row : kRows) facts.*row.field = {false, "not tried: there is no user namespace"};
  if (facts.id_maps.reason.empty()) facts.id_maps = {false, "not tried: there is no user namespace"};
}

}  // namespace sublet::launcher
