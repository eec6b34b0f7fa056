// SPDX-License-Identifier: Apache-2.0
#include "launcher/plan/plan.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

#include <nlohmann/json.hpp>

#include "tests/unit/launcher/plan/samples.h"

namespace sublet::launcher {
namespace {

using test::good_facts;
using test::good_plan;

const Probe kBroken{false, "broken"};

bool lost(const Plan& plan, const std::string& start) {
  return std::ranges::any_of(plan.lost, [&](const std::string& text) { return text.starts_with(start); });
}

TEST_CASE("plan: a host that gives everything", "[plan]") {
  const Plan plan = good_plan();
  CHECK(plan.name == "default");
  CHECK(plan.node_name == "node-7");
  CHECK(plan.state_base == "/tmp");
  CHECK(plan.identity.rung == IdentityRung::kSubuidFull);
  CHECK(plan.tap);
  CHECK(plan.bypass);
  CHECK(plan.policy);
  CHECK(plan.proxy == ProxyMode::kNftables);
  CHECK(plan.snapshotter == Snapshotter::kOverlayfs);
  CHECK(plan.fresh_proc);
  CHECK(plan.fresh_sysfs);
  CHECK(plan.writable == std::vector<std::string>{"/home/ann"});
  CHECK(plan.addresses.node == "10.0.2.100");
  CHECK(plan.addresses.dns == "10.0.2.3");
  CHECK(plan.addresses.pods_first == "10.42.0.1");
  CHECK(plan.addresses.api_service == "10.43.0.1");
  CHECK(plan.addresses.dns_service == "10.43.0.10");
  CHECK(plan.addresses.node6_cidr == "fd00::/64");
  CHECK(plan.cgroups.rung == CgroupRung::kLeaf);
  CHECK(plan.lost.empty());
}

struct Row {
  const char* what;
  std::function<void(Facts&, Config&)> change;
  std::vector<const char*> says;
};

void check_refused(const Row& row, ExitCode exit) {
  INFO(row.what);
  Facts facts = good_facts();
  Config config;
  row.change(facts, config);
  const auto plan = make_plan(config, facts, {});
  REQUIRE_FALSE(plan);
  CHECK(plan.error().exit == exit);
  CHECK_FALSE(plan.error().hint.empty());
  for (const char* part : row.says) CHECK_THAT(plan.error().what, Catch::Contains(part));
}

TEST_CASE("plan: what is missing is named, with the reason", "[plan]") {
  const std::vector<Row> rows = {
      {"user namespaces", [](Facts& f, Config&) { f.user_namespace = kBroken; }, {"user namespaces: broken"}},
      {"bridge", [](Facts& f, Config&) { f.bridge = kBroken; }, {"bridge and veth links: broken"}},
      {"procfs", [](Facts& f, Config&) { f.fresh_proc = kBroken; }, {"a new procfs: broken"}},
      {"no packet filter",
       [](Facts& f, Config&) {
         f.nftables = kBroken;
         f.iptables = {false, "not installed"};
       },
       {"nftables (broken)", "iptables (not installed)", "Services"}},
      {"nftables insisted on",
       [](Facts& f, Config& c) {
         f.nftables = kBroken;
         c.proxy = ProxyMode::kNftables;
       },
       {"service_proxy.mode is nftables", "broken"}},
      {"iptables insisted on",
       [](Facts& f, Config& c) {
         f.iptables = kBroken;
         c.proxy = ProxyMode::kIptables;
       },
       {"service_proxy.mode is iptables", "broken"}},
      {"overlayfs insisted on",
       [](Facts& f, Config& c) {
         f.overlayfs = kBroken;
         c.snapshotter = Snapshotter::kOverlayfs;
       },
       {"images.snapshotter is overlayfs", "broken"}},
      {"fuse-overlayfs",
       [](Facts&, Config& c) { c.snapshotter = Snapshotter::kFuseOverlayfs; },
       {"fuse-overlayfs, which this version does not have"}},
      {"subuid insisted on",
       [](Facts& f, Config& c) {
         f.subuids.clear();
         c.identity = IdentityMode::kSubuid;
       },
       {"subuid"}},
      {"a component", [](Facts& f, Config&) { f.components[1].usable = kBroken; }, {"component etcd: broken"}},
      {"memory below what the cluster alone needs",
       [](Facts& f, Config&) {
         f.share.memory_bytes = std::uint64_t{512} << 20;
         f.share.memory_by = "SLURM_MEM_PER_NODE";
       },
       {"memory: the job has 512 MiB here (by SLURM_MEM_PER_NODE)", "needs 700 MiB"}},
      {"no place for the state",
       [](Facts& f, Config&) {
         f.state[0].usable = {false, "on NFS"};
       },
       {"no directory can hold", "/tmp (/tmp): on NFS"}},
      {"state.dir will not do",
       [](Facts& f, Config&) {
         f.state.insert(f.state.begin(), {"/asked", "state.dir", 0, 0, false, kBroken});
       },
       {"state.dir /asked can't hold", "broken"}},
  };
  for (const Row& row : rows) check_refused(row, ExitCode::kPrerequisite);
}

TEST_CASE("plan: all that is missing is named at once", "[plan]") {
  check_refused(
      {"everything",
       [](Facts& f, Config& c) {
         for (Probe Facts::*field : {&Facts::user_namespace, &Facts::id_maps, &Facts::tun, &Facts::overlayfs,
                                     &Facts::nftables, &Facts::iptables, &Facts::network_policy, &Facts::bridge})
           f.*field = kBroken;
         for (ComponentFact& component : f.components) component.usable = kBroken;
         f.state.clear();
         c.snapshotter = Snapshotter::kOverlayfs;
       },
       {"user namespaces", "bridge", "nftables", "iptables", "overlayfs", "component kubernetes", "component etcd",
        "no directory can hold"}},
      ExitCode::kPrerequisite);
}

TEST_CASE("plan: prefixes that can't be are the user's mistake", "[plan]") {
  const std::vector<Row> rows = {
      {"node in pods", [](Facts&, Config& c) { c.node_cidr = "10.42.0.0/24"; }, {"overlap", "10.42.0.0/24"}},
      {"pods in services", [](Facts&, Config& c) { c.pod_cidr = "10.43.7.0/24"; }, {"overlap", "10.43.7.0/24"}},
      {"node in services", [](Facts&, Config& c) { c.service_cidr = "10.0.0.0/8"; }, {"overlap", "10.0.0.0/8"}},
      {"a small node prefix", [](Facts&, Config& c) { c.node_cidr = "10.0.2.0/25"; }, {"network.node_cidr"}},
      {"few pods", [](Facts&, Config& c) { c.pod_cidr = "10.42.0.0/29"; }, {"network.pod_cidr"}},
      {"few services", [](Facts&, Config& c) { c.service_cidr = "10.43.0.0/29"; }, {"network.service_cidr"}},
      {"IPv6", [](Facts&, Config& c) { c.pod_cidr = "fd01::/112"; }, {"network.pod_cidr"}},
      {"no prefix at all", [](Facts&, Config& c) { c.pod_cidr = "nonsense"; }, {"network.pod_cidr"}},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    Facts facts = good_facts();
    Config config;
    row.change(facts, config);
    const auto plan = make_plan(config, facts, {});
    REQUIRE_FALSE(plan);
    for (const char* part : row.says) CHECK_THAT(plan.error().what, Catch::Contains(part));
  }
  check_refused(rows[0], ExitCode::kUsage);
}

TEST_CASE("plan: a rung that the host does not give is lost, and said", "[plan]") {
  struct Lost {
    const char* what;
    std::function<void(Facts&, Config&)> change;
    const char* said;  // null: nothing
    std::function<bool(const Plan&)> holds;
  };
  const std::vector<Lost> rows = {
      {"no tap", [](Facts& f, Config&) { f.tun = kBroken; }, "network: ", [](const Plan& p) { return !p.tap; }},
      {"no tap, but the bypass: TCP by address", [](Facts& f, Config&) { f.tun = kBroken; }, "network: without a tap",
       [](const Plan& p) { return !p.tap && p.bypass; }},
      {"neither",
       [](Facts& f, Config& c) {
         f.tun = kBroken;
         c.bypass = BypassMode::kOff;
       },
       "network: pods reach one another but nothing", [](const Plan& p) { return !p.tap && !p.bypass; }},
      {"a deny list", [](Facts&, Config& c) { c.deny = {"10.200.0.0/16"}; },
       "bypass: ", [](const Plan& p) { return p.tap && !p.bypass; }},
      {"no policies", [](Facts& f, Config&) { f.network_policy = kBroken; },
       "network policy: ", [](const Plan& p) { return !p.policy; }},
      {"no bypass", [](Facts& f, Config&) { f.bypass = kBroken; },
       "bypass: ", [](const Plan& p) { return p.tap && !p.bypass; }},
      {"tap off",
       [](Facts& f, Config& c) {
         f.tun = kBroken;
         c.tap = TapMode::kOff;
       },
       nullptr, [](const Plan& p) { return !p.tap; }},
      {"no nftables", [](Facts& f, Config&) { f.nftables = kBroken; }, "service proxy: iptables",
       [](const Plan& p) { return p.proxy == ProxyMode::kIptables; }},
      {"iptables asked for", [](Facts&, Config& c) { c.proxy = ProxyMode::kIptables; }, nullptr,
       [](const Plan& p) { return p.proxy == ProxyMode::kIptables; }},
      {"no overlayfs", [](Facts& f, Config&) { f.overlayfs = kBroken; },
       "images: ", [](const Plan& p) { return p.snapshotter == Snapshotter::kNative; }},
      {"native asked for",
       [](Facts& f, Config& c) {
         f.overlayfs = kBroken;
         c.snapshotter = Snapshotter::kNative;
       },
       nullptr, [](const Plan& p) { return p.snapshotter == Snapshotter::kNative; }},
      {"no subordinate ids", [](Facts& f, Config&) { f.subuids.clear(); }, "identity: single",
       [](const Plan& p) { return p.identity.rung == IdentityRung::kSingle && p.identity.id_limit == 1; }},
      {"no sysfs", [](Facts& f, Config&) { f.fresh_sysfs = kBroken; }, nullptr,
       [](const Plan& p) { return !p.fresh_sysfs; }},
      {"state on ZFS", [](Facts& f, Config&) { f.state[0].fs_magic = 0x2FC12FC1; },
       "disk: ", [](const Plan& p) { return !p.disk_figures; }},
      {"no IPv6", [](Facts&, Config& c) { c.ipv6 = false; }, nullptr,
       [](const Plan& p) { return p.addresses.node6_cidr.empty(); }},
  };
  for (const Lost& row : rows) {
    INFO(row.what);
    Facts facts = good_facts();
    Config config;
    row.change(facts, config);
    const Plan plan = good_plan(config, facts);
    CHECK(row.holds(plan));
    for (const std::string& said : plan.lost) {
      CAPTURE(said);
      CHECK((row.said != nullptr && said.starts_with(row.said)));
    }
    if (row.said != nullptr) CHECK(lost(plan, row.said));
  }
}

TEST_CASE("plan: the CPUs of the cluster's own daemons", "[plan]") {
  struct Row {
    const char* wanted;
    CpuList claimed;
    CpuList cores;
  };
  const Row rows[] = {
      {"auto", {}, {}},    {"auto", {0, 1}, {2, 3}}, {"auto", {0, 1, 2, 3}, {}},
      {"all", {0, 1}, {}}, {"3", {}, {3}},           {"0-1", {0}, {0, 1}},
  };
  for (const Row& row : rows) {
    INFO(row.wanted);
    Facts facts = good_facts();
    facts.cpu_list = {0, 1, 2, 3};
    facts.claimed_cpus = row.claimed;
    Config config;
    config.cores = row.wanted;
    const Plan plan = good_plan(config, facts);
    CHECK(plan.cores == row.cores);
    CHECK(plan.cpus == facts.cpu_list);
  }
  check_refused({"not ours",
                 [](Facts& f, Config& c) {
                   f.cpu_list = {0, 1};
                   c.cores = "1-3";
                 },
                 {"node.cores 1-3: 2-3 are not yours"}},
                ExitCode::kUsage);
}

TEST_CASE("plan: devices are offered by the component alone, and its lack keeps no cluster from starting", "[plan]") {
  Facts facts = good_facts();
  facts.devices.nodes["/dev/a"] = {true, true, Access::kGroup, ""};
  Config config;
  config.devices = {{"x.org/a", {"/dev/a"}, {}, 2, "f:1"}};
  config.identity = IdentityMode::kSingle;  // where containers keep our groups
  const ComponentFact plugin{"device-plugin", "/c/device-plugin", "", {true, ""}, false};
  facts.components.push_back(plugin);
  const Plan plan = good_plan(config, facts);
  CHECK(devices_as_json(plan.devices) == nlohmann::json{{"x.org/a", 2}});
  CHECK(plan_as_text(plan).find("devices        x.org/a 2\n") != std::string::npos);

  facts.components.back().usable = {false, "/c/device-plugin: No such file or directory"};
  const Plan without = good_plan(config, facts);
  CHECK(without.devices.resources.empty());
  REQUIRE_FALSE(without.lost.empty());
  CHECK(
      without.lost.back() ==
      "devices: pods cannot ask for x.org/a 2 (component device-plugin: /c/device-plugin: No such file or directory)");
  CHECK(good_plan({}, facts).lost.empty());

  facts.components.back() = plugin;
  config.identity = IdentityMode::kSubuid;
  CHECK(good_plan(config, facts).devices.resources.empty());
}

}  // namespace
}  // namespace sublet::launcher
