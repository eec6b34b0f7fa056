// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/gather.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <filesystem>

#include "base/fs.h"
#include "base/process.h"
#include "bypass/probe.h"
#include "cgroups/limits.h"
#include "cgroups/probe.h"
#include "cgroups/systemd.h"
#include "launcher/devices/look.h"
#include "launcher/facts/cores.h"
#include "launcher/facts/host.h"
#include "launcher/facts/probe.h"
#include "launcher/facts/state_dirs.h"
#include "launcher/facts/subids.h"

namespace sublet::launcher {
namespace {

void gather_host(Facts& facts) {
  Account account = find_account(environment);
  facts.uid = account.uid;
  facts.gid = account.gid;
  facts.user = account.user;
  facts.home = account.home;
  std::error_code error;
  facts.cwd = std::filesystem::current_path(error).string();
  struct utsname names {};
  if (::uname(&names) == 0) {
    facts.hostname = node_name_of(names.nodename);
    facts.kernel = names.release;
  }
  facts.job = own_allocation(facts.warnings);
  facts.share = share_of(host_limits(), facts.job);
  if (auto ours = affinity_of()) {
    facts.cpu_list = std::move(*ours);
    if (auto online = fs::read_file("/sys/devices/system/cpu/online"))
      if (auto list = parse_cpu_list(*online)) facts.online_cpus = std::move(*list);
    facts.claimed_cpus = claimed_cpus(thread_masks("/proc", facts.uid), facts.cpu_list);
  }
}

void gather_limits(Facts& facts) {
  facts.inotify_instances = kernel_setting("fs/inotify/max_user_instances").value_or(0);
  facts.inotify_watches = kernel_setting("fs/inotify/max_user_watches").value_or(0);
  facts.keys = kernel_setting("kernel/keys/maxkeys").value_or(0);
  struct rlimit files {};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) facts.open_files_hard = files.rlim_max;
}

void gather_ids(Facts& facts) {
  Subids subids = read_subids(facts.user);
  facts.subuids = subids.uids;
  facts.subgids = subids.gids;
  facts.subids_reason = subids.reason;
  facts.warnings.insert(facts.warnings.end(), subids.warnings.begin(), subids.warnings.end());
  if (facts.subuids.empty() || facts.subgids.empty()) facts.free_subids = find_free_subids();
  facts.newuidmap = find_program("newuidmap");
  facts.newgidmap = find_program("newgidmap");
}

void gather_cgroups(Facts& facts, CgroupMode mode) {
  const auto insist = mode == CgroupMode::kLeaf ? cgroups::Insist::kOn : cgroups::Insist::kOff;
  cgroups::Leaf leaf = cgroups::probe_leaf("/", insist);
  facts.cgroup_leaf = {leaf.usable, leaf.reason};
  facts.cgroup_leaf_base = leaf.parent;
  facts.cgroup_leaf_inside = leaf.kind == cgroups::LeafKind::kInside;
  facts.cgroup_controllers = leaf.controllers;
  facts.cgroup_refused = leaf.refused;
  facts.cgroup_limits = cgroups::read_limits();
  facts.cgroup_layout = cgroups::name_of(leaf.layout);
  auto mount = cgroups::unified_mount();
  if (!mount) {
    facts.cgroup_systemd = {false, "no cgroup v2 is mounted"};
    return;
  }
  std::string runtime_dir = environment("XDG_RUNTIME_DIR").value_or("");
  auto manager = cgroups::ask_user_manager(cgroups::bus_candidates(runtime_dir, facts.uid), *mount);
  facts.cgroup_systemd = {manager.has_value(), manager ? "" : manager.error().what};
  if (!manager) return;
  facts.cgroup_bus = manager->bus;
  facts.cgroup_systemd_controllers = manager->controllers;
}

}  // namespace

Result<Facts> gather_facts(const Config& config, const std::string& components_dir, const GatherOptions& options) {
  Facts facts;
  gather_host(facts);
  gather_limits(facts);
  gather_ids(facts);
  gather_cgroups(facts, config.cgroups);
  facts.state = find_state_candidates(config.state_dir, environment);
  const StateCandidate* chosen = choose_state(facts.state);
  const std::string state_base = chosen != nullptr && fs::exists(chosen->path) ? chosen->path : "";
  std::string program = options.probe_program.empty() ? TRY(own_executable()) : options.probe_program;
  try_in_namespaces(facts, program, state_base);
  const auto watched = bypass::try_watching();
  facts.exec = {watched.has_value(), watched ? "" : watched.error().what};
  facts.components = find_components(config.components_dir.empty() ? components_dir : config.components_dir,
                                     options.versions, config.oci_runtime);
  const std::string plugin_dir = config.components_dir.empty() ? components_dir : config.components_dir;
  facts.devices = look_at_devices(config, plugin_dir + "/device-plugin");
  facts.warnings.insert(facts.warnings.end(), facts.devices.warnings.begin(), facts.devices.warnings.end());
  return facts;
}

}  // namespace sublet::launcher
