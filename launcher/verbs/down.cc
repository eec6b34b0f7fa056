// SPDX-License-Identifier: Apache-2.0
// down: asks the launcher to end, and waits until nothing is left; or clears what a killed run left.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/process.h"
#include "base/sys.h"
#include "cgroups/home.h"
#include "launcher/facts/gather.h"
#include "launcher/facts/id_map.h"
#include "launcher/session/control.h"
#include "launcher/state/state_dir.h"
#include "launcher/verbs/layout.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {
namespace {

// Waits until the launcher has ended: its pidfd if it is known, else its end of the control connection.
Result<void> wait_for_end(const Cluster& cluster, int connection, std::chrono::milliseconds timeout) {
  UniqueFd pidfd;
  if (cluster.holder)
    if (auto opened = sys::pidfd_open(*cluster.holder)) pidfd = std::move(*opened);
  pollfd watched{pidfd ? pidfd.get() : connection, POLLIN, 0};
  int ready = ::poll(&watched, 1, static_cast<int>(timeout.count()));
  if (ready < 0) return fail_errno("poll");
  if (ready == 0)
    return fail("cluster " + cluster.id.name + " has not ended in time", "try again, or kill its launcher");
  return {};
}

Result<void> stop(const Cluster& cluster, const Config& config) {
  const std::string name = cluster.id.name;
  auto asked = ask(cluster.path + "/" + kControlSocket, "down");
  if (!asked && cluster.holder) {
    // It is still starting, or its socket is gone: a signal means the same.
    UniqueFd pidfd = TRY(sys::pidfd_open(*cluster.holder));
    TRY(sys::pidfd_send_signal(pidfd.get(), SIGTERM));
  } else if (!asked) {
    return tl::unexpected(std::move(asked).error().while_doing("stopping cluster " + name));
  }
  constexpr std::chrono::seconds kMargin{10};
  return wait_for_end(cluster, asked ? asked->connection.get() : -1, config.stop_timeout + kMargin);
}

Result<void> clear(const Cluster& cluster, const Config& config) {
  const std::string executable = TRY(own_executable());
  Facts facts = TRY(gather_facts(config, find_layout(executable).components));
  IdentityPlan identity = TRY(plan_identity(config.identity, facts));
  Cleaner cleaner;
  if (identity.rung != IdentityRung::kSingle)
    cleaner.write_id_maps = [identity](pid_t pid) { return write_id_maps(pid, identity); };
  if (facts.cgroup_leaf.ok) (void)cgroups::clear_stale(facts.cgroup_leaf_base);
  StateDir state = TRY(StateDir::take_stale(cluster.path, ::getuid()));
  return std::move(state).remove(cleaner);
}

}  // namespace

Result<int> down(const Invocation& invocation) {
  const Options& options = invocation.options;
  const Config& config = invocation.loaded.config;
  if (!options.all && !options.stale) {
    Cluster cluster = TRY(chosen_cluster(config));
    TRY(stop(cluster, config));
    if (!options.quiet) fmt::print(stderr, "sublet: cluster {} is gone\n", cluster.id.name);
    return 0;
  }
  int cleared = 0;
  for (const Cluster& cluster : own_clusters(config)) {
    if (cluster.alive && options.all)
      TRY(stop(cluster, config));
    else if (!cluster.alive && options.stale)
      TRY_WHILE("clearing " + cluster.path, clear(cluster, config));
    else
      continue;
    ++cleared;
    if (!options.quiet) fmt::print(stderr, "sublet: {} is gone\n", cluster.path);
  }
  if (cleared == 0 && !options.quiet) fmt::print(stderr, "sublet: nothing to {}\n", options.stale ? "clear" : "stop");
  return 0;
}

}  // namespace sublet::launcher
