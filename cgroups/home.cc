// SPDX-License-Identifier: Apache-2.0
#include "cgroups/home.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "base/fs.h"
#include "base/strings.h"
#include "base/sys.h"
#include "cgroups/hierarchy.h"
#include "cgroups/names.h"
#include "cgroups/scope.h"
#include "cgroups/tree.h"

namespace sublet::cgroups {
namespace {

constexpr std::chrono::milliseconds kForLock{300};
constexpr std::chrono::milliseconds kForEnd{1000};
constexpr mode_t kMode = 0755;

std::string executable_of(pid_t pid) {
  std::array<char, PATH_MAX> target;
  ssize_t length = ::readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), target.data(), target.size());
  return length < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(length));
}

// Whether a process of our own cgroup moves with us: ourselves, and the parent of a detached launcher, which waits for
// word from it and then ends.
bool is_ours(pid_t pid) {
  if (pid == ::getpid()) return true;
  return pid == ::getppid() && executable_of(pid) == executable_of(::getpid());
}

Result<std::vector<pid_t>> processes_in(const std::string& directory) {
  std::vector<pid_t> pids;
  for (const std::string& line : lines(TRY(fs::read_file(directory + "/cgroup.procs"))))
    if (auto pid = parse_int<pid_t>(line)) pids.push_back(*pid);
  return pids;
}

// The directory of the cgroup that `pid` is in.
Result<std::string> directory_of_process(pid_t pid) {
  const Membership membership = parse_membership(TRY(fs::read_file("/proc/" + std::to_string(pid) + "/cgroup")));
  auto place = membership.unified ? place_of(look(), *membership.unified) : std::nullopt;
  if (!place) return fail("the cgroup of process " + std::to_string(pid) + " is not visible");
  return place->directory;
}

Result<std::string> make_scope(const HomePlan& plan, const std::string& name, pid_t pid) {
  const std::string unit = scope_name(name, ::getpid());
  TRY_WHILE("scope " + unit, start_scope(plan.socket, unit, scope_properties(pid, plan.limits, plan.controllers)));
  const std::string directory = TRY(directory_of_process(pid));
  if (!directory.ends_with("/" + unit)) return fail("systemd made scope " + unit + ", but did not move us into it");
  return directory;
}

// systemd hears from the kernel of the scope's last process, and removes the scope's directories while we do. Its
// cg_trim() gives up where one has gone under its hands, and is not tried again: what it left is ours to remove. Where
// it has not come to that yet, on a busy machine some seconds later, a directory that is gone counts as empty for it.
void remove_scope(const std::string& directory) {
  constexpr std::chrono::milliseconds kLongest{5000};
  constexpr int kBetweenLooksMs = 5;
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  while (!sys::rmdir(directory) && fs::exists(directory) && std::chrono::steady_clock::now() < deadline)
    (void)::poll(nullptr, 0, kBetweenLooksMs);
}

}  // namespace

Result<Home> Home::make(const HomePlan& plan, const std::string& name, pid_t pid) {
  const std::string full = std::string(kHomePrefix) + name;
  const std::string base = plan.kind == HomePlan::Kind::kScope ? TRY(make_scope(plan, full, pid)) : plan.base;
  const UniqueFd guard = TRY(lock_cgroup(base, Lock::kExclusive, kForLock));
  (void)sweep(base);
  Home home(plan.kind, base, base + "/" + full);
  TRY(sys::mkdir(home.path_, kMode));
  if (auto settled = home.settle(plan, pid); !settled) {
    (void)remove_cgroups(home.path_, std::chrono::milliseconds(0));
    return tl::unexpected(std::move(settled).error());
  }
  return home;
}

Result<void> Home::settle(const HomePlan& plan, pid_t pid) {
  lock_ = TRY(lock_cgroup(path_, Lock::kShared, std::chrono::milliseconds(0)));
  // node-init's, made here already: what can fail does so while there is another rung to take.
  TRY(sys::mkdir(path_ + "/" + kSystemName, kMode));
  auto settled = [&]() -> Result<void> {
    // Where BASE has processes they leave first: with one in it no controller can be given to its children.
    if (kind_ != HomePlan::Kind::kBeside) TRY(move_in(plan, pid));
    granted_ = grant(base_);
    if (!has(granted_.controllers, "memory"))
      return fail("no memory controller for cgroups in " + base_ +
                  (granted_.refused.empty() ? "" : " (" + join(granted_.refused, "; ") + ")"));
    if (kind_ == HomePlan::Kind::kBeside) TRY(move_process(pid, path_));
    return {};
  }();
  if (settled) return {};
  withdraw(base_, granted_.added);
  if (kind_ == HomePlan::Kind::kInside) {
    (void)move_process(pid, base_);
    move_out();
  }
  return settled;
}

Result<void> Home::move_in(const HomePlan& plan, pid_t pid) {
  TRY(move_process(pid, path_));
  if (kind_ == HomePlan::Kind::kScope) return {};
  const std::string leaf = base_ + "/" + kLauncherName;
  if (auto made = sys::mkdir(leaf, kMode); !made && !made.error().is(EEXIST)) return made;
  for (pid_t each : TRY(processes_in(base_))) {
    if (!plan.move_others && !is_ours(each))
      return fail("process " + std::to_string(each) + " is in " + base_ + " too, and would have to move");
    if (auto moved = move_process(each, leaf); !moved && !moved.error().is(ESRCH)) return moved;
  }
  return {};
}

// Back to where we were found.
void Home::move_out() {
  const std::string leaf = base_ + "/" + kLauncherName;
  if (auto pids = processes_in(leaf))
    for (pid_t each : *pids) (void)move_process(each, base_);
  (void)sys::rmdir(leaf);
}

Result<void> Home::remove() && {
  lock_.reset();
  auto removed = remove_cgroups(path_, kForEnd);
  if (kind_ == HomePlan::Kind::kScope) {
    remove_scope(base_);
    return removed;
  }
  // Another cluster in the same BASE keeps its controllers: the kernel refuses to take what is in use below.
  withdraw(base_, granted_.added);
  if (kind_ == HomePlan::Kind::kInside) move_out();
  return removed;
}

std::vector<std::string> clear_stale(const std::string& base) {
  auto guard = lock_cgroup(base, Lock::kExclusive, kForLock);
  return guard ? sweep(base) : std::vector<std::string>();
}

}  // namespace sublet::cgroups
