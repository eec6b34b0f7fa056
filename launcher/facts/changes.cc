// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/changes.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace sublet::launcher::changes {
namespace {

bool says(const std::string& reason, std::string_view name) { return reason.find(name) != std::string::npos; }

std::string install(const std::string& debian, const std::string& red_hat) {
  return debian == red_hat ? fmt::format("apt-get install -y {0}  # or: dnf install -y {0}", debian)
                           : fmt::format("apt-get install -y {}  # or: dnf install -y {}", debian, red_hat);
}

// For text that comes from an account's name.
std::string quoted(const std::string& text) {
  std::string safe = "'";
  for (char c : text) safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return safe + "'";
}

// A device node that udev would make again with its own mode.
Commands open_device(const std::string& kernel_name, const std::string& path) {
  return {fmt::format("echo 'KERNEL==\"{}\", MODE=\"0666\"' > /etc/udev/rules.d/60-sublet-{}.rules", kernel_name,
                      kernel_name),
          "chmod 0666 " + path};
}

void append(Commands& to, Commands more) { to.insert(to.end(), more.begin(), more.end()); }

}  // namespace

Commands kernel_setting(const std::string& name, std::uint64_t value) {
  std::string line = fmt::format("{}={}", name, value);
  return {fmt::format("echo '{}' > /etc/sysctl.d/60-sublet-{}.conf", line, name), "sysctl -w " + line};
}

Commands modules(const std::vector<std::string>& names) {
  std::string lines;
  for (const std::string& name : names) lines += " " + name;
  return {fmt::format("printf '%s\\n'{} > /etc/modules-load.d/sublet-{}.conf", lines, names[0]), "modprobe -a" + lines};
}

Commands user_namespace(const Facts& facts) {
  const std::string& reason = facts.user_namespace.reason;
  if (says(reason, "user.max_user_namespaces")) return kernel_setting("user.max_user_namespaces", 28633);
  if (says(reason, "kernel.unprivileged_userns_clone")) return kernel_setting("kernel.unprivileged_userns_clone", 1);
  if (says(reason, "kernel.apparmor_restrict_unprivileged_userns"))
    return kernel_setting("kernel.apparmor_restrict_unprivileged_userns", 0);
  return {
      "# The kernel allows user namespaces by its settings. Inside a container, its seccomp profile or the",
      "# security module denies them: allow clone, unshare, mount and keyctl there, or start sublet outside of it."};
}

Commands subuid(const Facts& facts) {
  Commands commands;
  const bool programs = facts.newuidmap && facts.newgidmap;
  if (!programs) commands.push_back(install("uidmap", "shadow-utils-subid"));
  const bool enough = !facts.subuids.empty() && !facts.subgids.empty();
  std::uint64_t ids = 0;
  for (const IdRange& range : facts.subuids) ids += range.count;
  if (!enough || ids + 1 < 65536) {
    std::uint64_t start = facts.free_subids != 0 ? facts.free_subids : 524288;
    commands.emplace_back(facts.free_subids != 0
                              ? "# Nobody has this range on this host; on a cluster, take the same on all hosts:"
                              : "# Any 65,536 ids that nobody has, see getsubids(1):");
    commands.push_back(fmt::format("usermod --add-subuids {0}-{1} --add-subgids {0}-{1} {2}", start, start + 65535,
                                   quoted(facts.user)));
  } else if (programs && !facts.id_maps.ok) {
    commands.push_back(
        fmt::format("chmod u+s {} {}  # or, as some distributions do: setcap cap_setuid+ep, cap_setgid+ep",
                    *facts.newuidmap, *facts.newgidmap));
  }
  return commands;
}

Commands cgroup_leaf(const Facts& facts) {
  if (facts.cgroup_layout != "unified")
    return {"# cgroup v2 for all controllers: add to the kernel's command line, then reboot:",
            "#   systemd.unified_cgroup_hierarchy=1"};
  // The plug-in is the only hook of Slurm's that runs as root when the step's cgroup is there (docs/hooks.md).
  if (facts.job.manager == "slurm")
    return {"# Slurm: in /etc/slurm/plugstack.conf, the SPANK plug-in that comes with sublet (docs/hooks.md):",
            "#   optional PREFIX/lib/sublet/slurm/sublet.so"};
  if (facts.job.manager == "none")
    return {"# In a unit of the system's, for example, of which the launcher is the only process: Delegate=yes.",
            "# Or by hand, beside the cgroup CG/SHELL of the shell that starts sublet:",
            "#   mkdir CG/sublet && chown " + quoted(facts.user) +
                " CG/cgroup.procs CG/sublet CG/sublet/cgroup.{procs,threads,subtree_control}"};
  return {"# In the workload manager's prolog, for each job, beside its tasks' cgroup JOB/TASK:",
          "#   mkdir JOB/sublet && chown " + quoted(facts.user) +
              " JOB/cgroup.procs JOB/sublet JOB/sublet/cgroup.{procs,threads,subtree_control}"};
}

Commands cgroup_systemd(const Facts& facts) {
  if (facts.cgroup_layout != "unified") return {};  // said above already
  return {
      "mkdir -p /etc/systemd/system/user@.service.d",
      "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' > /etc/systemd/system/user@.service.d/sublet.conf",
      "systemctl daemon-reload", "loginctl enable-linger " + quoted(facts.user)};
}

Commands tun() {
  Commands commands = modules({"tun"});
  append(commands, open_device("tun", "/dev/net/tun"));
  return commands;
}

Commands bypass(const Facts& facts) { return watching(facts.bypass.reason); }

Commands watching(const std::string& reason) {
  // 3 takes ptrace(2)'s access away from everybody, for good until the next boot (Documentation/admin-guide/LSM/Yama).
  if (says(reason, "pidfd_getfd") || says(reason, "process_vm_readv"))
    return {"rm -f /etc/sysctl.d/*ptrace*", "sysctl kernel.yama.ptrace_scope  # 3 can only be left by a reboot"};
  return {"# a kernel of 5.14 or later with CONFIG_SECCOMP_FILTER"};
}

Commands nftables(const Facts& facts) {
  if (says(facts.nftables.reason, "not installed")) return {install("nftables", "nftables")};
  return modules({"nf_tables", "nft_chain_nat", "nft_nat", "nft_masq", "nft_fib_ipv4", "nft_fib_ipv6", "nft_numgen"});
}

Commands network_policy(const Facts& facts) {
  if (says(facts.network_policy.reason, "not installed")) return {install("nftables", "nftables")};
  return modules({"br_netfilter", "nf_tables", "nft_ct"});
}

Commands iptables() {
  Commands commands = {install("iptables", "iptables-nft")};
  append(commands, modules({"ip_tables", "iptable_nat", "xt_MASQUERADE", "xt_comment"}));
  return commands;
}

Commands proc() {
  return {
      "# Something is mounted over a part of /proc or /sys, as container runtimes do, so no new one may be mounted.",
      "# Start the outer container with its paths unmasked, or sublet outside of it."};
}

Commands open_files(const Facts& facts) {
  return {
      fmt::format("printf '%s hard nofile 65536\\n' {} > /etc/security/limits.d/60-sublet.conf", quoted(facts.user))};
}

}  // namespace sublet::launcher::changes
