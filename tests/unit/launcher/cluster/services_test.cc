// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "tests/unit/launcher/cluster/samples.h"

namespace sublet::launcher {
namespace {

using namespace test;

std::vector<Service> services() {
  auto made = all_services(good_plan());
  REQUIRE(made);
  return *made;
}

TEST_CASE("services: each comes after all that it waits for", "[cluster]") {
  std::set<std::string> seen;
  for (const Service& service : services()) {
    CAPTURE(service.name);
    for (const std::string& before : service.after) CHECK(seen.contains(before));
    CHECK(seen.insert(service.name).second);
  }
  CHECK(seen == std::set<std::string>{kEtcd, kApiServer, kControllerManager, kScheduler, kContainerd, kKubelet, kProxy,
                                      kCoreDns, kNetworkPolicy, kApiReady, kRolesMade, kNodeRegistered});
}

TEST_CASE("services: who waits for whom", "[cluster]") {
  struct Row {
    const char* name;
    std::vector<std::string> after;
  };
  for (const Row& row :
       {Row{kEtcd, {}}, Row{kContainerd, {}}, Row{kApiServer, {kEtcd}}, Row{kControllerManager, {kApiReady}},
        Row{kApiReady, {kApiServer}}, Row{kScheduler, {kApiServer}}, Row{kKubelet, {kContainerd, kApiServer}},
        Row{kRolesMade, {kApiServer}}, Row{kNodeRegistered, {kApiServer}}, Row{kCoreDns, {kRolesMade}},
        Row{kProxy, {kNodeRegistered}}, Row{kNetworkPolicy, {kRolesMade}}}) {
    CAPTURE(row.name);
    CHECK(service_of(services(), row.name).after == row.after);
  }
}

TEST_CASE("services: milestones run nothing, and the launcher tells of them", "[cluster]") {
  for (const Service& service : services()) {
    CAPTURE(service.name);
    const bool milestone = std::find(kMilestones.begin(), kMilestones.end(), service.name) != kMilestones.end();
    CHECK(service.is_milestone() == milestone);
    if (milestone) CHECK(service.readiness.kind == Readiness::Kind::kTold);
  }
}

TEST_CASE("services: each runs its own component, with its own log and a clean environment", "[cluster]") {
  std::set<std::string> logs;
  for (const Service& service : services()) {
    if (service.is_milestone()) continue;
    CAPTURE(service.name);
    // But for the one that is our own program.
    const std::string path = std::string(kComponentsInside) + "/" + service.name;
    CHECK(service.argv.at(0) == (service.name == kNetworkPolicy ? "/proc/self/exe" : path));
    CHECK(service.log_path == "/run/sublet/log/" + service.name + ".log");
    CHECK(logs.insert(service.log_path).second);
    CHECK(service.env.at(0).starts_with("PATH="));
    // Nothing of the user's environment: proxies and tokens would reach every component.
    for (const std::string& variable : service.env) {
      CAPTURE(variable);
      const std::string set = variable.substr(0, variable.find('='));
      CHECK((set == "PATH" || set == "HOME" || set == "LANG" || set == "TMPDIR" || set == "GOGC" ||
             set == "GOMAXPROCS" || set == "GOMEMLIMIT"));
    }
    CHECK(std::ranges::count(service.env, "GOGC=50") == 1);
    // Who gave way cannot take it back, and pods descend from containerd.
    CHECK((service.nicer == 0) == (service.name == kContainerd));
    CHECK(service.timer_slack.count() == 5000);
    // As it is carried to node-init.
    const auto carried = service_from_json(to_json(service));
    REQUIRE(carried);
    CHECK(carried->argv == service.argv);
    CHECK(carried->timer_slack == service.timer_slack);
  }
}

TEST_CASE("services: on how many CPUs each runs at once", "[cluster]") {
  struct Row {
    std::size_t cpus;
    std::size_t cores;  // 0: not chosen
    const char* busy;
    const char* calm;
  };
  for (const Row& row : {Row{0, 0, "1", "1"}, Row{1, 0, "1", "1"}, Row{2, 0, "2", "1"}, Row{16, 0, "4", "2"},
                         Row{128, 0, "4", "4"}, Row{128, 2, "2", "1"}, Row{128, 64, "4", "4"}}) {
    CAPTURE(row.cpus, row.cores);
    Plan plan = good_plan();
    plan.cpus.assign(row.cpus, 0);
    plan.cores.assign(row.cores, 0);
    const std::vector<Service> all = *all_services(plan);
    for (const Service& service : all) {
      if (service.is_milestone()) continue;
      CAPTURE(service.name);
      const bool busy = service.name == kApiServer || service.name == kEtcd || service.name == kContainerd;
      CHECK(std::ranges::count(service.env, std::string("GOMAXPROCS=") + (busy ? row.busy : row.calm)) == 1);
    }
  }
}

TEST_CASE("services: how much memory each may take before it collects harder", "[cluster]") {
  for (const auto& [gib, api, other] :
       {std::tuple(0U, "536870912", "268435456"), std::tuple(1U, "536870912", "268435456"),
        std::tuple(64U, "17179869184", "8589934592")}) {
    CAPTURE(gib);
    Plan plan = good_plan();
    plan.share.memory_bytes = std::uint64_t{gib} << 30;
    const std::vector<Service> all = *all_services(plan);
    for (const Service& service : all) {
      if (service.is_milestone()) continue;
      CAPTURE(service.name);
      CHECK(std::ranges::count(service.env, std::string("GOMEMLIMIT=") + (service.name == kApiServer ? api : other)) ==
            1);
    }
  }
}

TEST_CASE("files: every path is relative, below a folder, and there once", "[cluster]") {
  Plan plan = good_plan();
  plan.config.registries["docker.io"] = {.mirrors = {"https://m.example.org"}};
  std::set<std::string> paths;
  for (const StateFile& file : all_files(plan, sample_pki())) {
    CAPTURE(file.path);
    CHECK_FALSE(file.path.starts_with('/'));
    CHECK(file.path.find("..") == std::string::npos);
    CHECK_FALSE(file.text.empty());
    CHECK(paths.insert(file.path).second);
  }
}

}  // namespace
}  // namespace sublet::launcher
