// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/process.h"
#include "base/strings.h"
#include "base/sys.h"
#include "bypass/probe.h"
#include "launcher/facts/host.h"
#include "launcher/facts/id_map.h"
#include "launcher/facts/links.h"
#include "launcher/facts/scratch.h"

namespace sublet::launcher {

// The child's side: root of its own user namespace, and pid 1. Order matters: the fresh procfs comes first, for
// programs started here would see another namespace's pids in the old one.
namespace {

constexpr int kProgramMs = 5000;

// What kube-proxy's and the bridge plugin's rule sets are made of: NAT hooks, verdict maps of concatenations, fib and
// numgen expressions, marks, DNAT and fully random masquerading.
constexpr const char* kNftRules =
    "add table ip sublet-probe;"
    "add chain ip sublet-probe one; add chain ip sublet-probe two;"
    "add rule ip sublet-probe one meta l4proto tcp dnat to 192.0.2.1:80;"
    "add rule ip sublet-probe two numgen random mod 2 vmap { 0 : jump one, 1 : return };"
    "add map ip sublet-probe services { type ipv4_addr . inet_proto . inet_service : verdict ; };"
    "add element ip sublet-probe services { 192.0.2.9 . tcp . 80 : jump two };"
    "add chain ip sublet-probe in { type nat hook prerouting priority -100 ; };"
    "add rule ip sublet-probe in fib daddr type local ip daddr . meta l4proto . th dport vmap @services;"
    "add chain ip sublet-probe out { type nat hook postrouting priority 100 ; };"
    "add rule ip sublet-probe out meta mark & 0x4000 == 0x4000 masquerade fully-random";

// What launcher/policy renders: state, a concatenation of addresses, verdicts by address, and a negated set.
constexpr const char* kPolicyRules =
    "add table inet sublet-probe; add chain inet sublet-probe held;"
    "add rule inet sublet-probe held ip daddr 192.0.2.0/24 ip daddr != 192.0.2.8/29 tcp dport 80-90 return;"
    "add chain inet sublet-probe in { type filter hook forward priority filter ; };"
    "add rule inet sublet-probe in ct state established,related accept;"
    "add rule inet sublet-probe in ip saddr . ip daddr { 192.0.2.1 . 192.0.2.1 } accept;"
    "add rule inet sublet-probe in ip saddr 192.0.2.0/24 ip saddr != { 192.0.2.1 } drop;"
    "add rule inet sublet-probe in ip saddr vmap { 192.0.2.1 : jump held };";

Result<void> run_program(const std::string& name, std::vector<std::string> arguments, std::vector<std::string> env) {
  auto path = find_program(name);
  if (!path) return fail(name + " is not installed");
  Command command{.argv = {*path}};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  env.emplace_back("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
  command.env = std::move(env);
  command.parent_death_signal = SIGKILL;
  Output output = TRY(run(std::move(command), kProgramMs));
  if (output.status.success()) return {};
  auto said = lines(trim(output.err));
  return fail(name + ": " + (said.empty() ? output.status.describe() : said[0]));
}

Result<void> try_nftables() { return run_program("nft", {kNftRules}, {}); }

Result<void> try_iptables() {
  // The legacy back end takes a lock file in /run, where we may not write.
  return run_program(
      "iptables",
      {"-w", "2", "-t", "nat", "-A", "POSTROUTING", "-m", "comment", "--comment", "sublet", "-j", "MASQUERADE"},
      {"XTABLES_LOCKFILE=/dev/null"});
}

Result<void> try_policies() {
  TRY(run_program("nft", {kPolicyRules}, {}));
  // On where the module is there, unless somebody has chosen another default for new namespaces.
  const std::string file = "/proc/sys/net/bridge/bridge-nf-call-iptables";
  auto now = fs::read_file(file);
  if (!now) return fail("packets from pod to pod are not filtered: br_netfilter is not loaded");
  if (trim(*now) == "1") return {};
  return fs::write_existing(file, "1");
}

// Not only mounted, which old kernels refuse in a user namespace: a file is made and another one removed, which needs
// a whiteout. containerd mounts with userxattr there, too.
Result<void> try_overlayfs() {
  // Whoever asked may be killed now; what is in the file system is ours to remove then.
  if (::prctl(PR_SET_PDEATHSIG, 0) != 0) return fail_errno("prctl");
  const Scratch scratch = TRY(Scratch::create("."));
  const std::string at = scratch.path() + "/";
  for (const char* name : {"lower", "upper", "work", "merged"}) TRY(sys::mkdir(at + name, 0755));
  TRY(fs::write_file(at + "lower/gone", "x"));
  TRY(sys::mount("overlay", at + "merged", "overlay", 0,
                 fmt::format("lowerdir={0}lower,upperdir={0}upper,workdir={0}work,userxattr", at)));
  auto used = [&]() -> Result<void> {
    TRY(fs::write_file(at + "merged/new", "x"));
    return sys::unlink(at + "merged/gone");
  }();
  (void)sys::umount(at + "merged", MNT_DETACH);
  if (!used) return used;
  if (!fs::exists(at + "upper/new")) return fail("overlay: a file made in it is not in its upper directory");
  return {};
}

nlohmann::json answer(const Result<void>& result) {
  return {{"ok", result.has_value()}, {"reason", result ? "" : result.error().what}};
}

}  // namespace

int probe_main() {
  nlohmann::json answers;
  // AppArmor and SELinux may let a user namespace be made and then deny what it is for: this is the first such thing.
  auto private_mounts = sys::mount("none", "/", "", MS_REC | MS_PRIVATE);
  answers["user_namespace"] = answer(private_mounts);
  if (private_mounts) {
    answers["fresh_proc"] = answer(sys::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC));
    answers["fresh_sysfs"] = answer(sys::mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC));
    answers["tun"] = answer(try_tap());
    answers["bypass"] = answer(bypass::try_bypass());
    answers["bridge"] = answer(try_bridge());
    answers["dummy"] = answer(try_dummy());
    answers["nftables"] = answer(try_nftables());
    answers["iptables"] = answer(try_iptables());
    answers["network_policy"] = answer(try_policies());
    std::error_code error;
    if (std::filesystem::current_path(error) != "/") answers["overlayfs"] = answer(try_overlayfs());
  }
  std::string text = answers.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return sys::write_all(STDOUT_FILENO, text) ? 0 : 1;
}

// The parent's side.
namespace {

// Far more than the trials take (some 20 ms); only a program that hangs comes near.
constexpr int kProbeMs = 15'000;

struct Row {
  const char* name;
  Probe Facts::*field;
};
constexpr std::array kRows = {
    Row{"tun", &Facts::tun},
    Row{"bypass", &Facts::bypass},
    Row{"overlayfs", &Facts::overlayfs},
    Row{"fresh_proc", &Facts::fresh_proc},
    Row{"fresh_sysfs", &Facts::fresh_sysfs},
    Row{"nftables", &Facts::nftables},
    Row{"iptables", &Facts::iptables},
    Row{"network_policy", &Facts::network_policy},
    Row{"bridge", &Facts::bridge},
    Row{"dummy", &Facts::dummy},
};

enum class Reached { kNothing, kClone, kMaps };

struct Attempt {
  Reached reached = Reached::kNothing;
  Result<Output> output;
};

Attempt attempt(const IdentityPlan& plan, const std::string& program, const std::string& directory) {
  Reached reached = Reached::kNothing;
  Command command{.path = program, .argv = {"sublet", "probe"}};
  command.cwd = directory.empty() ? "/" : directory;
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

void try_in_namespaces(Facts& facts, const std::string& program, const std::string& directory) {
  auto subuid = plan_subuid(facts);
  if (!subuid) facts.id_maps = {false, subuid.error().what};
  Attempt made = attempt(subuid ? *subuid : plan_single(facts), program, directory);
  if (subuid && made.reached == Reached::kClone) {
    facts.id_maps = {false, explain_id_maps(made.output.error().what)};
    made = attempt(plan_single(facts), program, directory);
  } else if (subuid && made.reached == Reached::kMaps) {
    facts.id_maps = {true, ""};
  }
  if (made.output) {
    read_answers(facts, *made.output);
  } else {
    facts.user_namespace = {false, made.output.error().what};
  }
  if (facts.user_namespace.ok) {
    if (directory.empty()) facts.overlayfs = {false, "not tried: no directory can hold the state"};
    return;
  }
  facts.user_namespace.reason = explain_user_namespace(facts.user_namespace.reason, kernel_setting);
  for (const Row& row : kRows) facts.*row.field = {false, "not tried: there is no user namespace"};
  if (facts.id_maps.reason.empty()) facts.id_maps = {false, "not tried: there is no user namespace"};
}

}  // namespace sublet::launcher
