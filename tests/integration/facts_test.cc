// SPDX-License-Identifier: Apache-2.0
// The facts of this very host, and of the same host with something taken away from it.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/process.h"
#include "base/sys.h"
#include "launcher/facts/doctor.h"
#include "launcher/facts/gather.h"
#include "launcher/facts/id_map.h"
#include "tests/support/unprivileged.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {

const GatherOptions kOptions{.probe_program = FACTS_HELPER, .versions = VersionLookup::kListed};

bool unprivileged() {
  if (test::become_unprivileged()) return true;
  std::printf("skipped: root, and no user to become\n");
  return false;
}

Facts gather(const Config& config = {}) {
  auto facts = gather_facts(config, "/nonexistent", kOptions);
  if (!facts) FAIL(to_string(facts.error()));
  return std::move(*facts);
}

// The helper's diagnosis as JSON, run by a command that may change something first.
nlohmann::json doctor(Command command) {
  auto output = run(std::move(command), 30'000);
  if (!output) FAIL(to_string(output.error()));
  INFO(output->err);
  auto json = nlohmann::json::parse(output->out, nullptr, false);
  REQUIRE(json.is_object());
  json["exit"] = output->status.shell_status();
  return json;
}

nlohmann::json rung(const nlohmann::json& json, const std::string& ladder, const std::string& name) {
  for (const auto& each : json["ladders"])
    for (const auto& rung : each["rungs"])
      if (each["name"] == ladder && rung["name"] == name) return rung;
  FAIL("no rung " + ladder + "/" + name);
  return {};
}

std::vector<std::string> entries(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("facts: of this host, each with a reason if it is not there", "[facts]") {
  if (!unprivileged()) return;
  Facts facts = gather();
  CHECK(facts.uid == ::getuid());
  CHECK(facts.share.cpu_count() >= 1);
  CHECK(facts.share.memory_bytes > (std::uint64_t{64} << 20));
  CHECK_FALSE(facts.hostname.empty());
  CHECK(facts.open_files_hard > 0);
  CHECK(facts.user_namespace.ok);
  CHECK(facts.fresh_proc.ok);
  CHECK(facts.bridge.ok);
  for (Probe Facts::*field : {&Facts::id_maps, &Facts::tun, &Facts::bypass, &Facts::overlayfs, &Facts::fresh_proc,
                              &Facts::fresh_sysfs, &Facts::nftables, &Facts::iptables, &Facts::network_policy,
                              &Facts::bridge, &Facts::dummy, &Facts::cgroup_leaf, &Facts::cgroup_systemd}) {
    INFO((facts.*field).reason);
    CHECK((facts.*field).ok == (facts.*field).reason.empty());
    CHECK((facts.*field).reason != "not tried");
  }
  // What can be opened from outside can be used inside.
  CHECK(facts.tun.ok == (::access("/dev/net/tun", R_OK | W_OK) == 0));
  CHECK(facts.components.size() == 9);
}

TEST_CASE("facts: the look leaves nothing behind", "[facts]") {
  if (!unprivileged()) return;
  auto directory = fs::ScopedTempDir::create();
  REQUIRE(directory);
  auto fds = [] { return entries("/proc/self/fd").size(); };
  Config config;
  config.state_dir = directory->path();
  (void)gather(config);  // libsubid's stream, once
  std::size_t before = fds();
  Facts facts = gather(config);
  CHECK(facts.state[0].path == directory->path());
  INFO(facts.overlayfs.reason);
  CHECK(facts.overlayfs.ok);
  CHECK(entries(directory->path()).empty());
  CHECK(fds() == before);
  CHECK(fs::read_file("/proc/self/mountinfo")->find(directory->path()) == std::string::npos);
}

TEST_CASE("facts: quick enough for every start", "[facts]") {
  if (!unprivileged()) return;
  std::chrono::milliseconds best{1'000'000};
  for (int i = 0; i < 5; ++i) {
    auto begin = std::chrono::steady_clock::now();
    (void)gather();
    best =
        std::min(best, std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin));
  }
  INFO("best of five: " << best.count() << " ms");
  // 15 ms on an idle machine of 2 cores; the room is for sanitizers and a busy one.
  CHECK(best.count() < 400);
}

TEST_CASE("facts: a range that newuidmap refuses costs only that rung", "[facts]") {
  if (!unprivileged()) return;
  // no_new_privs: setuid programs are powerless.
  Command command{.argv = {FACTS_HELPER, "doctor", "json"}};
  command.no_new_privs = true;
  auto json = doctor(std::move(command));
  auto lost = rung(json, "identity", "subuid");
  CHECK(lost["state"] == "lost");
  CHECK(rung(json, "identity", "single")["state"] == "taken");
  CHECK(rung(json, "proc", "fresh")["state"] == "taken");
  std::string reason = lost["reason"];
  INFO(reason);
  // Where there is a range at all.
  if (reason.find("no subordinate") == std::string::npos)
    CHECK(reason.find("no_new_privs is set for this process") != std::string::npos);
}

TEST_CASE("facts: no user namespaces", "[facts]") {
  if (!unprivileged()) return;
  // A user may forbid them below a namespace of its own.
  Facts own;
  own.uid = ::getuid();
  own.gid = ::getgid();
  IdentityPlan plan = plan_single(own);
  Command command{
      .argv = {"/bin/sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces && exec " FACTS_HELPER " doctor json"}};
  command.namespaces = CLONE_NEWUSER;
  command.become_root = true;
  command.when_created = [&plan](pid_t pid) { return write_id_maps(pid, plan); };
  auto json = doctor(std::move(command));
  CHECK(json["exit"] == 3);
  CHECK(json["ready"] == false);
  auto lost = rung(json, "user_namespace", "user_namespace");
  CHECK(lost["reason"] == "clone3 for sublet: No space left on device (user.max_user_namespaces is 0)");
  CHECK(lost["cost"] == "required");
  CHECK_FALSE(lost["admin"].empty());
  CHECK(rung(json, "proc", "fresh")["reason"] == "not tried: there is no user namespace");
}

TEST_CASE("facts: a procfs with something over it, a full disk, and no tools", "[facts]") {
  if (!unprivileged()) return;
  auto directory = fs::ScopedTempDir::create();
  REQUIRE(directory);
  Facts own;
  own.uid = ::getuid();
  own.gid = ::getgid();
  IdentityPlan plan = plan_single(own);
  auto inside = [&](const std::string& script) {
    Command command{.argv = {"/bin/sh", "-ec", script + "\nexec " FACTS_HELPER " doctor json"}};
    command.namespaces = CLONE_NEWUSER | CLONE_NEWNS;
    command.become_root = true;
    command.when_created = [&plan](pid_t pid) { return write_id_maps(pid, plan); };
    return doctor(std::move(command));
  };
  SECTION("masked /proc, as in a container: the kernel lets nobody mount a clean one") {
    auto json = inside("mount --bind /dev/null /proc/timer_list || mount --bind /dev/null /proc/cpuinfo");
    auto lost = rung(json, "proc", "fresh");
    CHECK(lost["state"] == "lost");
    CHECK(lost["reason"] == "mount proc on /proc: Operation not permitted");
    CHECK(json["exit"] == 3);
  }
  SECTION("TMPDIR too small") {
    auto json =
        inside("mount -t tmpfs -o size=64m tmpfs " + directory->path() + "\nexport TMPDIR=" + directory->path());
    auto lost = rung(json, "state", directory->path());
    CHECK(lost["state"] == "lost");
    CHECK(lost["reason"] == "only 64 MiB free, 512 MiB are needed");
  }
  SECTION("neither nft nor iptables") {
    auto json = inside(
        "mount --bind /dev/null $(readlink -f /usr/sbin/nft)\n"
        "mount --bind /dev/null $(readlink -f /usr/sbin/iptables)\n");
    CHECK(json["exit"] == 3);
    CHECK(rung(json, "service_proxy", "nftables")["state"] == "lost");
    CHECK(rung(json, "service_proxy", "nftables")["reason"] == "nft is not installed");
    CHECK(rung(json, "service_proxy", "iptables")["reason"] == "iptables is not installed");
    CHECK(rung(json, "service_proxy", "iptables")["cost"] == "required");
  }
  SECTION("no tun") {
    auto json = inside("mount --bind /dev/null /dev/net/tun");
    auto lost = rung(json, "network_out", "tap");
    CHECK(lost["state"] == "lost");
    CHECK(lost["reason"] != "");
    CHECK(rung(json, "network_out", "none")["state"] == "taken");
  }
}

TEST_CASE("facts: links are made where that is ours to do, and the kernel's words say where not", "[facts]") {
  if (!unprivileged()) return;
  Command command{.argv = {FACTS_HELPER, "links"}};
  auto outside = run(command, 10'000);
  REQUIRE(outside);
  CHECK(outside->out.starts_with("bridge: making a bridge: Operation not permitted\nagain: "));
  Facts own;
  own.uid = ::getuid();
  own.gid = ::getgid();
  IdentityPlan plan = plan_single(own);
  command.namespaces = CLONE_NEWUSER | CLONE_NEWNET;
  command.become_root = true;
  command.when_created = [&plan](pid_t pid) { return write_id_maps(pid, plan); };
  auto inside = run(std::move(command), 10'000);
  REQUIRE(inside);
  INFO(inside->out);
  CHECK(inside->out.starts_with("bridge: ok\nagain: making a bridge: Object exists\ntap: "));
  if (::access("/dev/net/tun", R_OK | W_OK) == 0) CHECK(inside->out.ends_with("tap: ok\n"));
}
