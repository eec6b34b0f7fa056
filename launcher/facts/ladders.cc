// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/ladders.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "launcher/facts/changes.h"
#include "launcher/facts/components.h"
#include "launcher/facts/id_map.h"
#include "launcher/facts/state_dirs.h"

namespace sublet::launcher {
namespace {

// How try_in_namespaces() begins the reason of what it could not come to.
constexpr std::string_view kNotTried = "not tried";

Rung rung(std::string name, const Probe& probe, Cost cost, std::string effect, std::vector<std::string> admin) {
  return {std::move(name), probe.ok, probe.reason, cost, std::move(effect), std::move(admin)};
}

// The last rung of a ladder that ends in doing without.
Rung without(std::string name) { return {std::move(name), true, "", Cost::kDegrades, "", {}}; }

// The configuration insists on another rung: no change of root's would bring this one back.
void rule_out(Rung& rung, const std::string& setting) {
  rung.available = false;
  rung.reason = setting;
  rung.admin.clear();
}

// Takes the best rung that is available; what is above it is lost.
Ladder climb(std::string name, std::vector<Rung> rungs) {
  Ladder ladder{std::move(name), true, std::move(rungs)};
  for (Rung& rung : ladder.rungs)
    if (rung.reason.starts_with(kNotTried)) rung.admin.clear();  // nobody knows yet whether it needs a change
  auto best = std::find_if(ladder.rungs.begin(), ladder.rungs.end(), [](const Rung& r) { return r.available; });
  for (auto it = ladder.rungs.begin(); it != best; ++it) it->state = RungState::kLost;
  if (best == ladder.rungs.end()) {
    // Any one of them would do, and one of them must be.
    for (Rung& rung : ladder.rungs) rung.cost = Cost::kRequired;
  } else {
    best->state = RungState::kTaken;
    best->admin.clear();
  }
  return ladder;
}

Ladder user_namespace(const Facts& facts) {
  return climb("user_namespace",
               {rung("user_namespace", facts.user_namespace, Cost::kRequired,
                     "a cluster lives in a user namespace of its owner", changes::user_namespace(facts))});
}

Ladder identity(const Facts& facts, const Config& config) {
  std::vector<Rung> rungs = {
      rung("subuid", {false, ""}, Cost::kDegrades,
           "containers run as one user: other owners of files are faked, setuid programs and separate users in a pod "
           "do not hold",
           changes::subuid(facts)),
      rung("subuid-partial", {false, ""}, Cost::kDegrades, "the same", {}),
      rung("single", facts.user_namespace, Cost::kRequired, "at least the user's own id must be mapped", {}),
  };
  auto plan = plan_identity(config.identity, facts);
  if (!plan) {
    for (Rung& each : rungs) rule_out(each, plan.error().what);
    rungs[0].admin = changes::subuid(facts);
    return climb("identity", std::move(rungs));
  }
  for (const LostRung& lost : plan->lost) rungs[static_cast<std::size_t>(lost.rung)].reason = lost.reason;
  if (plan->rung != IdentityRung::kSingle) rungs[static_cast<std::size_t>(plan->rung)].available = true;
  if (plan->rung == IdentityRung::kSubuidPartial) {
    rungs[0].effect = fmt::format("images with ids from {} on need them faked", plan->id_limit);
  } else if (plan->rung == IdentityRung::kSubuidFull) {
    rungs[1].reason = "not needed";
  }
  if (config.identity == IdentityMode::kSingle) rungs[0].admin.clear();
  return climb("identity", std::move(rungs));
}

Ladder cgroups(const Facts& facts, const Config& config) {
  const std::string effect = "limits of single pods are not enforced: all of them share the job's cgroup";
  const std::string beside =
      "pods are outside of the job's cgroup: its limits are set on them once more, and the "
      "workload manager does not count them";
  std::vector<Rung> rungs = {
      rung("leaf", facts.cgroup_leaf, Cost::kDegrades, facts.cgroup_systemd.ok ? beside : effect,
           changes::cgroup_leaf(facts)),
      rung("systemd", facts.cgroup_systemd, Cost::kDegrades, effect, changes::cgroup_systemd(facts)),
      without("none"),
  };
  const char* names[] = {"auto", "leaf", "systemd", "none"};
  const std::string setting = std::string("cgroups.mode is \"") + names[static_cast<int>(config.cgroups)] + "\"";
  if (config.cgroups == CgroupMode::kSystemd || config.cgroups == CgroupMode::kNone) rule_out(rungs[0], setting);
  if (config.cgroups == CgroupMode::kLeaf || config.cgroups == CgroupMode::kNone) rule_out(rungs[1], setting);
  return climb("cgroups", std::move(rungs));
}

Ladder bypass(const Facts& facts, const Config& config) {
  std::vector<Rung> rungs = {
      rung("bypass", facts.bypass, Cost::kDegrades, "pods' TCP connections go through the tap, several times slower",
           changes::bypass(facts)),
      without("none"),
  };
  // A program of several threads can now and then outrun the broker's check of where a socket goes (ARCHITECTURE.md,
  // «What the bypass cannot do»); never to the host's loopback, but past a list.
  if (!config.deny.empty()) rule_out(rungs[0], "network.deny is set, which only the tap can hold to");
  if (config.bypass == BypassMode::kOff) rule_out(rungs[0], "network.bypass is \"off\"");
  return climb("bypass", std::move(rungs));
}

Ladder exec(const Facts& facts) {
  std::vector<Rung> rungs = {
      rung("exec", facts.exec, Cost::kOnlyFor,
           "programs of the host do not reach the cluster by its names and addresses (sublet exec, the command of run)",
           changes::watching(facts.exec.reason)),
      without("none"),
  };
  return climb("exec", std::move(rungs));
}

Ladder network_policy(const Facts& facts, const Config& config) {
  std::vector<Rung> rungs = {
      rung("nftables", facts.network_policy, Cost::kDegrades, "NetworkPolicies are taken and hold nobody",
           changes::network_policy(facts)),
      without("none"),
  };
  if (config.policy == PolicyMode::kOff) rule_out(rungs[0], "network.policy is \"off\"");
  return climb("network_policy", std::move(rungs));
}

Ladder network_out(const Facts& facts, const Config& config) {
  // Where the kernel has no dummy driver, a bridge without ports does the same.
  Probe stand_in{facts.dummy.ok || facts.bridge.ok, facts.dummy.reason};
  if (stand_in.ok) stand_in.reason.clear();
  std::vector<Rung> rungs = {
      rung("tap", facts.tun, Cost::kDegrades, "pods reach nothing outside of the cluster", changes::tun()),
      rung("none", stand_in, Cost::kRequired, "without a tap, a dummy link must hold the node's address",
           changes::modules({"dummy"})),
  };
  if (config.tap == TapMode::kOff) rule_out(rungs[0], "network.tap is \"off\"");
  return climb("network_out", std::move(rungs));
}

Ladder pod_network(const Facts& facts) {
  return climb("pod_network",
               {rung("bridge", facts.bridge, Cost::kRequired, "pods are joined by a bridge and veth pairs",
                     changes::modules({"bridge", "veth"}))});
}

Ladder service_proxy(const Facts& facts, const Config& config) {
  std::vector<Rung> rungs = {
      rung("nftables", facts.nftables, Cost::kDegrades, "changes of Services get slower with their number",
           changes::nftables(facts)),
      rung("iptables", facts.iptables, Cost::kRequired, "Services need a packet filter", changes::iptables()),
  };
  if (config.proxy == ProxyMode::kIptables) rule_out(rungs[0], "service_proxy.mode is \"iptables\"");
  if (config.proxy == ProxyMode::kNftables) rule_out(rungs[1], "service_proxy.mode is \"nftables\"");
  return climb("service_proxy", std::move(rungs));
}

Ladder snapshotter(const Facts& facts, const Config& config) {
  std::vector<Rung> rungs = {
      rung("overlayfs", facts.overlayfs, Cost::kDegrades, "containers start slower and take more space",
           changes::modules({"overlay"})),
      rung("fuse-overlayfs", {false, ""}, Cost::kDegrades,
           "each container's files are copied from all layers of its image", {}),
      without("native"),
  };
  const std::vector<Snapshotter> order = {Snapshotter::kOverlayfs, Snapshotter::kFuseOverlayfs, Snapshotter::kNative};
  for (std::size_t i = 0; i < rungs.size(); ++i)
    if (config.snapshotter != Snapshotter::kAuto && config.snapshotter != order[i])
      rule_out(rungs[i], "images.snapshotter names another one");
  rule_out(rungs[1], "not in this version");
  return climb("snapshotter", std::move(rungs));
}

Ladder proc(const Facts& facts) {
  return climb("proc", {rung("fresh", facts.fresh_proc, Cost::kRequired,
                             "pods need a procfs of their own pid namespace", changes::proc())});
}

Ladder sys(const Facts& facts) {
  return climb("sys", {rung("fresh", facts.fresh_sysfs, Cost::kOnlyFor,
                            "programs that look for the pod's own links in /sys/class/net", changes::proc()),
                       without("bind")});
}

Ladder state(const Facts& facts) {
  const StateCandidate* chosen = choose_state(facts.state);
  Ladder ladder{"state", true, {}};
  bool above = true;
  for (const StateCandidate& candidate : facts.state) {
    Rung each = rung(candidate.path, candidate.usable, Cost::kDegrades, "state goes to the next directory", {});
    if (&candidate == chosen) {
      each.state = RungState::kTaken;
      above = false;
    } else if (above && !each.available) {
      each.state = RungState::kLost;
    } else if (each.available) {
      each.reason = "another one is taken";
    }
    if (chosen == nullptr) {
      each.cost = Cost::kRequired;
      each.state = RungState::kLost;
      each.effect = "a cluster needs a directory on a disk of this host (state.dir)";
      if (each.available) each.reason = "state.dir names another one";
    }
    ladder.rungs.push_back(std::move(each));
  }
  return ladder;
}

Ladder components(const Facts& facts) {
  std::vector<std::string> bad;
  for (const ComponentFact& component : facts.components)
    if (component.required && !component.usable.ok && (bad.empty() || bad.back() != component.usable.reason))
      bad.push_back(component.usable.reason);
  Probe all{bad.empty() && !facts.components.empty(), bad.empty() ? "nothing was looked for" : join(bad, "; ")};
  if (all.ok) all.reason.clear();
  return climb("components",
               {rung("all", all, Cost::kRequired,
                     "Kubernetes and what it runs on (scripts/build-components, or components.dir)", {})});
}

std::vector<Limit> limits(const Facts& facts) {
  return {
      {"memory",
       facts.share.memory_bytes,
       kLeastMemory,
       "the control plane alone takes that much; the job needs more memory",
       {}},
      {"inotify_instances", facts.inotify_instances, 128, "programs in pods fail with \"too many open files\"",
       changes::kernel_setting("fs.inotify.max_user_instances", 512)},
      {"inotify_watches", facts.inotify_watches, 8192, "programs in pods fail with \"no space left on device\"",
       changes::kernel_setting("fs.inotify.max_user_watches", 65536)},
      {"keys", facts.keys, 200, "each container takes a session keyring: later ones fail with \"disk quota exceeded\"",
       changes::kernel_setting("kernel.keys.maxkeys", 2000)},
      {"open_files", facts.open_files_hard, 4096, "the API server and containerd run out of descriptors",
       changes::open_files(facts)},
  };
}

}  // namespace

std::string_view name_of(Cost cost) {
  switch (cost) {
    case Cost::kRequired: return "required";
    case Cost::kDegrades: return "degrades";
    case Cost::kOnlyFor: return "only-for";
  }
  return "degrades";
}

std::string_view name_of(RungState state) {
  switch (state) {
    case RungState::kTaken: return "taken";
    case RungState::kLost: return "lost";
    case RungState::kSpare: return "spare";
  }
  return "spare";
}

const Rung* Ladder::taken() const {
  for (const Rung& rung : rungs)
    if (rung.state == RungState::kTaken) return &rung;
  return nullptr;
}

bool Diagnosis::ready() const {
  return std::all_of(ladders.begin(), ladders.end(),
                     [](const Ladder& ladder) { return !ladder.required || ladder.taken() != nullptr; });
}

Diagnosis diagnose(const Facts& facts, const Config& config) {
  Diagnosis diagnosis;
  diagnosis.facts = facts;
  diagnosis.ladders = {user_namespace(facts),
                       identity(facts, config),
                       cgroups(facts, config),
                       network_out(facts, config),
                       bypass(facts, config),
                       pod_network(facts),
                       service_proxy(facts, config),
                       network_policy(facts, config),
                       snapshotter(facts, config),
                       proc(facts),
                       sys(facts),
                       state(facts),
                       components(facts),
                       exec(facts)};
  diagnosis.limits = limits(facts);
  diagnosis.warnings = facts.warnings;
  if (auto plan = plan_identity(config.identity, facts))
    diagnosis.warnings.insert(diagnosis.warnings.end(), plan->warnings.begin(), plan->warnings.end());
  return diagnosis;
}

ExitCode exit_code(const Diagnosis& diagnosis) { return diagnosis.ready() ? ExitCode::kOk : ExitCode::kPrerequisite; }

}  // namespace sublet::launcher
