// SPDX-License-Identifier: Apache-2.0
// The child's side: runs as root of its own user namespace, and as its pid 1. Order matters: the fresh procfs comes
// first, for programs started here would see another namespace's pids in the old one.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/process.h"
#include "base/strings.h"
#include "base/sys.h"
#include "launcher/facts/links.h"
#include "launcher/facts/probe.h"

namespace sublet::launcher {
namespace {

constexpr int kProgramMs = 5000;

// What kube-proxy's and the bridge plugin's rule sets are made of: NAT hooks, verdict maps of concatenations, fib and
// numgen expressions, marks, DNAT and fully random masquerading.
constexpr const char* kNftRules =
    "add table ip sublet-probe;"
    "add chain ip sublet-probe one; add chain ip sublet-probe two;"
    "add rule ip sublet-probe one meta l4proto tcp dnat to 192.0.2.1:80;"
    "add rule ip sublet-probe two numgen random mod 2 vmap { 0 : goto one, 1 : return };"
    "add map ip sublet-probe services { type ipv4_addr . inet_proto . inet_service : verdict ; };"
    "add element ip sublet-probe services { 192.0.2.9 . tcp . 80 : goto two };"
    "add chain ip sublet-probe in { type nat hook prerouting priority -100 ; };"
    "add rule ip sublet-probe in fib daddr type local ip daddr . meta l4proto . th dport vmap @services;"
    "add chain ip sublet-probe out { type nat hook postrouting priority 100 ; };"
    "add rule ip sublet-probe out meta mark & 0x4000 == 0x4000 masquerade fully-random";

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

// Not only mounted, which old kernels refuse in a user namespace: a file is made and another one removed, which needs
// a whiteout. containerd mounts with userxattr there, too.
Result<void> try_overlayfs() {
  for (const char* name : {"lower", "upper", "work", "merged"}) TRY(sys::mkdir(name, 0755));
  TRY(fs::write_file("lower/gone", "x"));
  TRY(sys::mount("overlay", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work,userxattr"));
  auto used = []() -> Result<void> {
    TRY(fs::write_file("merged/new", "x"));
    return sys::unlink("merged/gone");
  }();
  (void)sys::umount("merged", MNT_DETACH);
  if (!used) return used;
  if (!fs::exists("upper/new")) return fail("overlay: a file made in it is not in its upper directory");
  return {};
}

// The kernel's half; the program's is that it is there. The mount is of a server that never answers, and goes with its
// descriptor.
Result<void> try_fuse_overlayfs() {
  if (!find_program("fuse-overlayfs")) return fail("fuse-overlayfs is not installed");
  UniqueFd fd = TRY(sys::open("/dev/fuse", O_RDWR));
  TRY(sys::mount("sublet-probe", "/sys", "fuse", MS_NOSUID | MS_NODEV,
                 fmt::format("fd={},rootmode=40000,user_id=0,group_id=0", fd.get())));
  return sys::umount("/sys", MNT_DETACH);
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
    answers["bridge"] = answer(try_bridge());
    answers["dummy"] = answer(try_dummy());
    answers["nftables"] = answer(try_nftables());
    answers["iptables"] = answer(try_iptables());
    answers["fuse_overlayfs"] = answer(try_fuse_overlayfs());
    std::error_code error;
    if (std::filesystem::current_path(error) != "/") answers["overlayfs"] = answer(try_overlayfs());
  }
  std::string text = answers.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return sys::write_all(STDOUT_FILENO, text) ? 0 : 1;
}

}  // namespace sublet::launcher
