// SPDX-License-Identifier: Apache-2.0
#include "launcher/node/mounts.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sublet::launcher;
using Kind = MountStep::Kind;

namespace {

RootFacts facts() {
  RootFacts facts;
  facts.state_dir = "/tmp/sublet-1000/local-default";
  facts.top_level = {"boot", "dev", "etc", "home", "opt", "proc", "run", "sys", "tmp", "usr", "var"};
  facts.top_links = {"bin=usr/bin"};
  facts.host_has_opt = true;
  facts.writable = {"/home/ada"};
  facts.resolv_conf = "nameserver 10.0.2.3\n";
  return facts;
}

std::ptrdiff_t place(const std::vector<MountStep>& steps, Kind kind, const std::string& target) {
  auto step = std::find_if(steps.begin(), steps.end(), [&](auto& s) { return s.kind == kind && s.target == target; });
  return step == steps.end() ? -1 : step - steps.begin();
}

}  // namespace

TEST_CASE("mounts: the host is read-only, the user's directory on top of it is not", "[node]") {
  auto steps = plan_root(facts());
  CHECK(place(steps, Kind::kBindReadOnly, "/usr") >= 0);
  auto home = place(steps, Kind::kBindReadOnly, "/home");
  REQUIRE(home >= 0);
  CHECK(place(steps, Kind::kBind, "/home/ada") > home);
  CHECK(place(steps, Kind::kSymlink, "/bin") >= 0);
}

TEST_CASE("mounts: what is private is never the host's", "[node]") {
  auto steps = plan_root(facts());
  for (const char* target : {"/run", "/etc", "/opt", "/tmp", "/proc", "/sys", "/dev"})
    CHECK(place(steps, Kind::kBindReadOnly, target) == -1);
  CHECK(place(steps, Kind::kBind, "/var/lib") > place(steps, Kind::kBindReadOnly, "/var"));
  CHECK(place(steps, Kind::kBind, "/var/log") > place(steps, Kind::kBindReadOnly, "/var"));
  CHECK(place(steps, Kind::kDirectory, "/etc/cni/net.d") > place(steps, Kind::kTmpfs, "/etc"));
  CHECK(place(steps, Kind::kDirectory, "/opt/cni/bin") > place(steps, Kind::kTmpfs, "/opt"));
  // Links to the host's /etc come after our own entries, which they must not replace.
  CHECK(place(steps, Kind::kLinkFarm, "/etc") > place(steps, Kind::kFile, "/etc/resolv.conf"));
}

TEST_CASE("mounts: proc and sysfs by the ladder", "[node]") {
  RootFacts poor = facts();
  poor.fresh_proc = poor.fresh_sysfs = false;
  auto steps = plan_root(poor);
  CHECK(place(steps, Kind::kProc, "/proc") == -1);
  CHECK(place(steps, Kind::kBind, "/proc") >= 0);
  CHECK(place(steps, Kind::kBind, "/sys") >= 0);
}

TEST_CASE("mounts: cgroups are writable where they are the cluster's own, and only there", "[node]") {
  RootFacts with = facts();
  with.own_cgroup = true;
  const auto own = plan_root(with);
  CHECK(place(own, Kind::kCgroup2Writable, "/sys/fs/cgroup") > place(own, Kind::kSysfs, "/sys"));
  CHECK(place(own, Kind::kCgroup2, "/sys/fs/cgroup") == -1);
  const auto shared = plan_root(facts());
  CHECK(place(shared, Kind::kCgroup2, "/sys/fs/cgroup") >= 0);
  CHECK(place(shared, Kind::kCgroup2Writable, "/sys/fs/cgroup") == -1);
}

TEST_CASE("mounts: which of the user's directories are shown", "[node]") {
  const std::string state = "/scratch/ada/tmp/sublet-1000/local-x";
  auto places = writable_places({"/home/ada", "/home/ada/work", "/", "", "relative", "/run/user/1000", "/tmp",
                                 "/tmp/job", "/etc", "/var", "/proc/self", "/data"},
                                state);
  CHECK(places == std::vector<std::string>{"/data", "/tmp/job", "/home/ada"});
  // A directory around the state directory would show its keys once more.
  CHECK(writable_places({"/scratch/ada"}, state).empty());
  CHECK(writable_places({"/scratch/adam"}, state).size() == 1);
}

TEST_CASE("mounts: steps survive the way through JSON, and bad ones are refused", "[node]") {
  for (const MountStep& step : plan_root(facts())) {
    auto back = mount_step_from_json(to_json(step));
    REQUIRE(back);
    CHECK(to_json(*back) == to_json(step));
  }
  CHECK_FALSE(mount_step_from_json(nlohmann::json{{"kind", "bind"}}));
  CHECK_FALSE(
      mount_step_from_json({{"kind", "magic"}, {"source", ""}, {"target", ""}, {"via", ""}, {"optional", false}}));
}
