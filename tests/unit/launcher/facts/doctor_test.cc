// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/doctor.h"

#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/process.h"
#include "launcher/facts/changes.h"
#include "launcher/facts/ladders.h"

namespace sublet::launcher {
namespace {

// A host that gives everything, so that a row says only what is different.
Facts good() {
  Facts f;
  f.uid = f.gid = 1001;
  f.user = "ann";
  f.hostname = "node1";
  f.kernel = "6.1.0";
  f.share.memory_bytes = std::uint64_t{8} << 30;
  f.subuids = f.subgids = {{100000, 65536}};
  f.newuidmap = "/usr/bin/newuidmap";
  f.newgidmap = "/usr/bin/newgidmap";
  for (Probe Facts::*field :
       {&Facts::user_namespace, &Facts::id_maps, &Facts::tun, &Facts::bypass, &Facts::exec, &Facts::overlayfs,
        &Facts::fresh_proc, &Facts::fresh_sysfs, &Facts::nftables, &Facts::iptables, &Facts::network_policy,
        &Facts::bridge, &Facts::dummy, &Facts::cgroup_leaf, &Facts::cgroup_systemd})
    f.*field = {true, ""};
  f.cgroup_layout = "unified";
  f.state = {{"/tmp", "/tmp", 0xEF53, std::uint64_t{9} << 30, false, {true, ""}}};
  f.components = {{"kubernetes", "/c/kubernetes", "v1.36.3", {true, ""}}};
  f.inotify_instances = 128;
  f.inotify_watches = 65536;
  f.keys = 200;
  f.open_files_hard = 4096;
  return f;
}

const Ladder& ladder(const Diagnosis& diagnosis, const std::string& name) {
  for (const Ladder& each : diagnosis.ladders)
    if (each.name == name) return each;
  FAIL("no ladder " + name);
  return diagnosis.ladders[0];
}

const Rung& rung(const Ladder& ladder, const std::string& name) {
  for (const Rung& each : ladder.rungs)
    if (each.name == name) return each;
  FAIL("no rung " + name);
  return ladder.rungs[0];
}

const Probe kBroken{false, "broken"};

}  // namespace

TEST_CASE("doctor: a host that gives everything", "[facts]") {
  Diagnosis d = diagnose(good(), {});
  CHECK(d.ready());
  CHECK(exit_code(d) == ExitCode::kOk);
  for (const Ladder& each : d.ladders) {
    INFO(each.name);
    REQUIRE(each.taken() != nullptr);
    CHECK(each.taken() == &each.rungs[0]);
  }
  for (const Limit& limit : d.limits) CHECK(limit.ok());
  CHECK(admin_script(d).ends_with("\n# Nothing.\n"));
}

TEST_CASE("doctor: what is lost, which rung is taken then, and at what cost", "[facts]") {
  struct Row {
    const char* what;
    std::function<void(Facts&, Config&)> change;
    const char* ladder;
    const char* taken;  // "" for none: then the whole is not ready
    const char* lost;
    const char* reason;
    Cost cost;
    const char* admin;  // part of one of the commands; "" for none
  };
  const std::vector<Row> rows = {
      {"no user namespace",
       [](Facts& f, Config&) {
         f.user_namespace = {false, "x (user.max_user_namespaces is 0)"};
       },
       "user_namespace", "", "user_namespace", "x (user.max_user_namespaces is 0)", Cost::kRequired,
       "sysctl -w user.max_user_namespaces="},
      {"AppArmor",
       [](Facts& f, Config&) {
         f.user_namespace = {false, "x (kernel.apparmor_restrict_unprivileged_userns is 1)"};
       },
       "user_namespace", "", "user_namespace", "x (kernel.apparmor_restrict_unprivileged_userns is 1)", Cost::kRequired,
       "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
      {"no subordinate ids",
       [](Facts& f, Config&) {
         f.subuids.clear();
         f.free_subids = 165536;
       },
       "identity", "single", "subuid", "ann has no subordinate user ids", Cost::kDegrades,
       "usermod --add-subuids 165536-231071 --add-subgids 165536-231071 'ann'"},
      {"no newuidmap", [](Facts& f, Config&) { f.newuidmap.reset(); }, "identity", "single", "subuid",
       "newuidmap is not installed", Cost::kDegrades, "install -y uidmap"},
      {"newuidmap is not setuid", [](Facts& f, Config&) { f.id_maps = kBroken; }, "identity", "single", "subuid",
       "broken", Cost::kDegrades, "chmod u+s /usr/bin/newuidmap"},
      {"2,000 ids",
       [](Facts& f, Config&) {
         f.subuids = f.subgids = {{100000, 2000}};
       },
       "identity", "subuid-partial", "subuid", "ann has 2000 subordinate ids, fewer than 65536", Cost::kDegrades,
       "usermod --add-subuids"},
      {"single asked for", [](Facts&, Config& c) { c.identity = IdentityMode::kSingle; }, "identity", "single",
       "subuid", "identity.mode is \"single\"", Cost::kDegrades, ""},
      {"subuid insisted on",
       [](Facts& f, Config& c) {
         f.id_maps = kBroken;
         c.identity = IdentityMode::kSubuid;
       },
       "identity", "", "subuid", "identity.mode is \"subuid\", but broken", Cost::kRequired, "chmod u+s"},
      {"no tun", [](Facts& f, Config&) { f.tun = kBroken; }, "network_out", "none", "tap", "broken", Cost::kDegrades,
       "chmod 0666 /dev/net/tun"},
      {"tap off", [](Facts&, Config& c) { c.tap = TapMode::kOff; }, "network_out", "none", "tap",
       "network.tap is \"off\"", Cost::kDegrades, ""},
      {"no bypass", [](Facts& f, Config&) { f.bypass = kBroken; }, "bypass", "none", "bypass", "broken",
       Cost::kDegrades, "a kernel of 5.14"},
      {"no looking into processes",
       [](Facts& f, Config&) {
         f.bypass = {false, "pidfd_getfd: Operation not permitted"};
       },
       "bypass", "none", "bypass", "pidfd_getfd: Operation not permitted", Cost::kDegrades, "ptrace_scope"},
      {"a host that lets nobody look into others",
       [](Facts& f, Config&) {
         f.exec = {false, "process_vm_readv: Operation not permitted"};
       },
       "exec", "none", "exec", "process_vm_readv: Operation not permitted", Cost::kOnlyFor, "ptrace_scope"},
      {"a deny list", [](Facts&, Config& c) { c.deny = {"10.200.0.0/16"}; }, "bypass", "none", "bypass",
       "network.deny is set, which only the tap can hold to", Cost::kDegrades, ""},
      {"bypass off", [](Facts&, Config& c) { c.bypass = BypassMode::kOff; }, "bypass", "none", "bypass",
       "network.bypass is \"off\"", Cost::kDegrades, ""},
      {"no tun, no dummy: a bridge stands in", [](Facts& f, Config&) { f.tun = f.dummy = kBroken; }, "network_out",
       "none", "tap", "broken", Cost::kDegrades, "modprobe -a tun"},
      {"policies, but no br_netfilter",
       [](Facts& f, Config&) {
         f.network_policy = {false, "br_netfilter is not loaded"};
       },
       "network_policy", "none", "nftables", "br_netfilter is not loaded", Cost::kDegrades,
       "modprobe -a br_netfilter nf_tables nft_ct"},
      {"nor a bridge", [](Facts& f, Config&) { f.tun = f.dummy = f.bridge = kBroken; }, "network_out", "", "none",
       "broken", Cost::kRequired, "modprobe -a dummy"},
      {"no bridge", [](Facts& f, Config&) { f.bridge = kBroken; }, "pod_network", "", "bridge", "broken",
       Cost::kRequired, "modprobe -a bridge veth"},
      {"no nft",
       [](Facts& f, Config&) {
         f.nftables = {false, "nft is not installed"};
       },
       "service_proxy", "iptables", "nftables", "nft is not installed", Cost::kDegrades, "install -y nftables"},
      {"no nft in the kernel", [](Facts& f, Config&) { f.nftables = kBroken; }, "service_proxy", "iptables", "nftables",
       "broken", Cost::kDegrades, "nft_masq"},
      {"neither", [](Facts& f, Config&) { f.nftables = f.iptables = kBroken; }, "service_proxy", "", "iptables",
       "broken", Cost::kRequired, "install -y iptables"},
      {"nftables insisted on",
       [](Facts& f, Config& c) {
         f.nftables = kBroken;
         c.proxy = ProxyMode::kNftables;
       },
       "service_proxy", "", "nftables", "broken", Cost::kRequired, "nft_masq"},
      {"iptables asked for", [](Facts&, Config& c) { c.proxy = ProxyMode::kIptables; }, "service_proxy", "iptables",
       "nftables", "service_proxy.mode is \"iptables\"", Cost::kDegrades, ""},
      {"no overlayfs", [](Facts& f, Config&) { f.overlayfs = kBroken; }, "snapshotter", "native", "overlayfs", "broken",
       Cost::kDegrades, "modprobe -a overlay"},
      {"nor fuse-overlayfs", [](Facts& f, Config&) { f.overlayfs = kBroken; }, "snapshotter", "native",
       "fuse-overlayfs", "not in this version", Cost::kDegrades, ""},
      {"fuse-overlayfs asked for", [](Facts&, Config& c) { c.snapshotter = Snapshotter::kFuseOverlayfs; },
       "snapshotter", "", "fuse-overlayfs", "not in this version", Cost::kRequired, ""},
      {"native asked for", [](Facts&, Config& c) { c.snapshotter = Snapshotter::kNative; }, "snapshotter", "native",
       "overlayfs", "images.snapshotter names another one", Cost::kDegrades, ""},
      {"no procfs", [](Facts& f, Config&) { f.fresh_proc = kBroken; }, "proc", "", "fresh", "broken", Cost::kRequired,
       "#"},
      {"no sysfs", [](Facts& f, Config&) { f.fresh_sysfs = kBroken; }, "sys", "bind", "fresh", "broken", Cost::kOnlyFor,
       "#"},
      {"state on NFS", [](Facts& f, Config&) { f.state[0].usable = kBroken; }, "state", "", "/tmp", "broken",
       Cost::kRequired, ""},
      {"a component is missing", [](Facts& f, Config&) { f.components[0].usable = kBroken; }, "components", "", "all",
       "broken", Cost::kRequired, ""},
      {"no components", [](Facts& f, Config&) { f.components.clear(); }, "components", "", "all",
       "nothing was looked for", Cost::kRequired, ""},
      {"no cgroups", [](Facts& f, Config&) { f.cgroup_leaf = f.cgroup_systemd = kBroken; }, "cgroups", "none", "leaf",
       "broken", Cost::kDegrades, "/sublet"},
      {"no user manager", [](Facts& f, Config&) { f.cgroup_leaf = f.cgroup_systemd = kBroken; }, "cgroups", "none",
       "systemd", "broken", Cost::kDegrades, "loginctl enable-linger 'ann'"},
      {"cgroup leaf", [](Facts& f, Config&) { f.cgroup_leaf = kBroken; }, "cgroups", "systemd", "leaf", "broken",
       Cost::kDegrades, "/sublet"},
      {"a scope asked for", [](Facts&, Config& c) { c.cgroups = CgroupMode::kSystemd; }, "cgroups", "systemd", "leaf",
       "cgroups.mode is \"systemd\"", Cost::kDegrades, ""},
      {"a leaf asked for, and there is none",
       [](Facts& f, Config& c) {
         f.cgroup_leaf = kBroken;
         c.cgroups = CgroupMode::kLeaf;
       },
       "cgroups", "none", "leaf", "broken", Cost::kDegrades, "/sublet"},
      {"hybrid cgroups",
       [](Facts& f, Config&) {
         f.cgroup_leaf = f.cgroup_systemd = kBroken;
         f.cgroup_layout = "hybrid";
       },
       "cgroups", "none", "leaf", "broken", Cost::kDegrades, "systemd.unified_cgroup_hierarchy=1"},
      {"no cgroups asked for",
       [](Facts& f, Config& c) {
         f.cgroup_leaf = kBroken;
         c.cgroups = CgroupMode::kNone;
       },
       "cgroups", "none", "leaf", "cgroups.mode is \"none\"", Cost::kDegrades, ""},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    Facts facts = good();
    Config config;
    row.change(facts, config);
    Diagnosis d = diagnose(facts, config);
    const Ladder& found = ladder(d, row.ladder);
    CHECK((found.taken() != nullptr ? found.taken()->name : "") == row.taken);
    CHECK(d.ready() == (*row.taken != '\0'));
    CHECK(exit_code(d) == (*row.taken != '\0' ? ExitCode::kOk : ExitCode::kPrerequisite));
    const Rung& lost = rung(found, row.lost);
    CHECK(lost.state == RungState::kLost);
    CHECK(lost.reason == row.reason);
    CHECK(lost.cost == row.cost);
    CHECK_FALSE(lost.effect.empty());
    std::string commands;
    for (const std::string& command : lost.admin) commands += command + "\n";
    CHECK(commands.empty() == (*row.admin == '\0'));
    CHECK(commands.find(row.admin) != std::string::npos);
    if (*row.admin != '\0') CHECK(admin_script(d).find(row.admin) != std::string::npos);
    // For people, too: the reason and the rung are there.
    CHECK(diagnosis_as_text(d).find(std::string(row.lost) + ": " + row.reason) != std::string::npos);
  }
}

TEST_CASE("doctor: no change is asked for what was not tried", "[facts]") {
  Facts facts = good();
  facts.bridge = {false, "not tried: there is no user namespace"};
  CHECK(rung(ladder(diagnose(facts, {}), "pod_network"), "bridge").admin.empty());
}

TEST_CASE("doctor: identity needs a user namespace on every rung", "[facts]") {
  Facts facts = good();
  facts.user_namespace = facts.id_maps = kBroken;
  CHECK(ladder(diagnose(facts, {}), "identity").taken() == nullptr);
}

TEST_CASE("doctor: a state directory passed over is told, a worse one is spare", "[facts]") {
  Facts facts = good();
  StateCandidate nfs{"/net/ann", "TMPDIR", 0x6969, 0, false, {false, "on NFS"}};
  StateCandidate shm{"/dev/shm", "/dev/shm", 0x01021994, std::uint64_t{1} << 30, true, {true, ""}};
  facts.state = {nfs, shm, facts.state[0]};
  Diagnosis d = diagnose(facts, {});
  const Ladder& state = ladder(d, "state");
  CHECK(state.taken()->name == "/tmp");
  CHECK(rung(state, "/net/ann").state == RungState::kLost);
  CHECK(rung(state, "/dev/shm").state == RungState::kSpare);
}

TEST_CASE("doctor: limits that are too low", "[facts]") {
  Facts facts = good();
  facts.share.memory_bytes = std::uint64_t{256} << 20;
  facts.inotify_instances = 16;
  Diagnosis d = diagnose(facts, {});
  CHECK(d.ready());
  std::string text = diagnosis_as_text(d);
  CHECK(text.find("low     memory              256 MiB") != std::string::npos);
  CHECK(text.find("at least 700 MiB") != std::string::npos);
  CHECK(admin_script(d).find("sysctl -w fs.inotify.max_user_instances=512") != std::string::npos);
}

TEST_CASE("doctor: warnings of the facts and of the id maps are passed on", "[facts]") {
  Facts facts = good();
  facts.warnings = {"odd"};
  facts.subuids.push_back({100000, 1});
  Diagnosis d = diagnose(facts, {});
  REQUIRE(d.warnings.size() == 2);
  CHECK(d.warnings[0] == "odd");
  CHECK(d.warnings[1].find("overlaps another range") != std::string::npos);
}

// docs/doctor.md promises this shape.
TEST_CASE("doctor: JSON has the documented members", "[facts]") {
  Facts facts = good();
  facts.tun = kBroken;
  facts.hostname = "bad\xff";  // no UTF-8, still JSON
  auto json = nlohmann::json::parse(diagnosis_as_json(diagnose(facts, {})), nullptr, false);
  REQUIRE(json.is_object());
  auto keys = [](const nlohmann::json& object) {
    std::vector<std::string> names;
    for (const auto& [key, value] : object.items()) names.push_back(key);
    return names;
  };
  CHECK(keys(json) ==
        std::vector<std::string>{"components", "host", "ladders", "limits", "ready", "schema", "sublet", "warnings"});
  CHECK(json["schema"] == 1);
  CHECK(json["ready"] == true);
  CHECK(keys(json["host"]) == std::vector<std::string>{"cgroup_layout", "cpus", "cpus_by", "gid", "hostname", "job",
                                                       "kernel", "memory_by", "memory_bytes", "uid", "user"});
  std::vector<std::string> ladders;
  for (const auto& each : json["ladders"]) ladders.push_back(each["name"]);
  CHECK(ladders == std::vector<std::string>{"user_namespace", "identity", "cgroups", "network_out", "bypass",
                                            "pod_network", "service_proxy", "network_policy", "snapshotter", "proc",
                                            "sys", "state", "components", "exec"});
  const auto& out = json["ladders"][3];
  CHECK(keys(out) == std::vector<std::string>{"name", "required", "rungs", "taken"});
  CHECK(out["taken"] == "none");
  CHECK(keys(out["rungs"][0]) ==
        std::vector<std::string>{"admin", "available", "cost", "effect", "name", "reason", "state"});
  CHECK(out["rungs"][0]["state"] == "lost");
  CHECK(out["rungs"][0]["cost"] == "degrades");
  CHECK(out["rungs"][0]["admin"].is_array());
  std::vector<std::string> limits;
  for (const auto& each : json["limits"]) limits.push_back(each["name"]);
  CHECK(limits == std::vector<std::string>{"memory", "inotify_instances", "inotify_watches", "keys", "open_files"});
  CHECK(keys(json["limits"][0]) == std::vector<std::string>{"admin", "effect", "name", "ok", "value", "wanted"});
  CHECK(keys(json["components"][0]) == std::vector<std::string>{"name", "path", "reason", "usable", "version"});
  facts.bridge = kBroken;
  json = nlohmann::json::parse(diagnosis_as_json(diagnose(facts, {})), nullptr, false);
  CHECK(json["ready"] == false);
  CHECK(json["ladders"][5]["taken"].is_null());
}

TEST_CASE("doctor: the script for root is a script, whatever reasons and names hold", "[facts]") {
  Facts facts = good();
  for (Probe Facts::*field :
       {&Facts::user_namespace, &Facts::tun, &Facts::bypass, &Facts::overlayfs, &Facts::nftables, &Facts::iptables,
        &Facts::network_policy, &Facts::bridge, &Facts::dummy, &Facts::cgroup_leaf, &Facts::cgroup_systemd})
    facts.*field = {false, "first\nrm -rf /nonexistent; $(false)"};
  facts.user = "o'neil; false";
  facts.subuids.clear();
  facts.share.memory_bytes = facts.inotify_instances = facts.inotify_watches = facts.keys = facts.open_files_hard = 0;
  std::string script = admin_script(diagnose(facts, {}));
  CHECK(script.find("\nrm -rf") == std::string::npos);
  CHECK(script.find("'o'\\''neil; false'") != std::string::npos);
  auto directory = fs::ScopedTempDir::create();
  REQUIRE(directory);
  REQUIRE(fs::write_file(directory->path() + "/s", script));
  auto checked = run(Command{.argv = {"/bin/sh", "-n", directory->path() + "/s"}}, 5000);
  REQUIRE(checked);
  INFO(checked->err);
  CHECK(checked->status.success());
}

}  // namespace sublet::launcher
