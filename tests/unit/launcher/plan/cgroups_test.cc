// SPDX-License-Identifier: Apache-2.0
#include "launcher/plan/cgroups.h"

#include "tests/unit/launcher/plan/samples.h"

namespace sublet::launcher {
namespace {

using test::good_facts;
using test::good_plan;
using Words = std::vector<std::string>;
using Kind = cgroups::HomePlan::Kind;

const Probe kBroken{false, "broken"};

Words rungs(const CgroupPlan& plan) {
  Words names;
  for (const CgroupPlan::Attempt& attempt : plan.attempts) names.emplace_back(name_of(attempt.rung));
  return names;
}

}  // namespace

TEST_CASE("cgroup plan: what is tried, by mode and host", "[plan]") {
  struct Row {
    const char* what;
    CgroupMode mode;
    bool leaf;
    bool systemd;
    Words tried;
    Words reasons;
  };
  const std::vector<Row> rows = {
      {"all", CgroupMode::kAuto, true, true, {"leaf", "systemd"}, {}},
      {"no leaf", CgroupMode::kAuto, false, true, {"systemd"}, {"leaf: broken"}},
      {"no manager", CgroupMode::kAuto, true, false, {"leaf"}, {"systemd: broken"}},
      {"nothing", CgroupMode::kAuto, false, false, {}, {"leaf: broken", "systemd: broken"}},
      {"leaf alone", CgroupMode::kLeaf, true, true, {"leaf"}, {}},
      {"leaf alone, and none", CgroupMode::kLeaf, false, true, {}, {"leaf: broken"}},
      {"systemd alone", CgroupMode::kSystemd, true, true, {"systemd"}, {}},
      {"none asked for", CgroupMode::kNone, true, true, {}, {"cgroups.mode is \"none\""}},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    Facts facts = good_facts();
    if (!row.leaf) facts.cgroup_leaf = kBroken;
    if (!row.systemd) facts.cgroup_systemd = kBroken;
    Config config;
    config.cgroups = row.mode;
    const CgroupPlan plan = plan_cgroups(config, facts);
    CHECK(rungs(plan) == row.tried);
    CHECK(plan.reasons == row.reasons);
    CHECK(name_of(plan.rung) == (row.tried.empty() ? "none" : row.tried[0]));
    CHECK(plan.any() == !row.tried.empty());
  }
}

TEST_CASE("cgroup plan: where a leaf is made, and who moves", "[plan]") {
  Facts facts = good_facts();
  CgroupPlan plan = plan_cgroups({}, facts);
  CHECK(plan.attempts[0].home.kind == Kind::kBeside);
  CHECK(plan.attempts[0].home.base == "/sys/fs/cgroup/job/sublet");
  CHECK_FALSE(plan.attempts[0].home.move_others);
  facts.cgroup_leaf_inside = true;
  Config config;
  config.cgroups = CgroupMode::kLeaf;
  plan = plan_cgroups(config, facts);
  CHECK(plan.attempts[0].home.kind == Kind::kInside);
  CHECK(plan.attempts[0].home.move_others);
}

TEST_CASE("cgroup plan: a scope gets the job's limits", "[plan]") {
  Facts facts = good_facts();
  facts.cgroup_limits.memory = 4096;
  const CgroupPlan plan = plan_cgroups({}, facts);
  CHECK(plan.attempts[1].home.kind == Kind::kScope);
  CHECK(plan.attempts[1].home.socket == "/run/user/1001/bus");
  CHECK(plan.attempts[1].home.limits.memory == 4096u);
}

TEST_CASE("cgroup plan: down by one rung after the other, with the reasons", "[plan]") {
  CgroupPlan plan = plan_cgroups({}, good_facts());
  plan.step_down("no leaf after all");
  CHECK(plan.rung == CgroupRung::kSystemd);
  plan.step_down("too slow");
  CHECK_FALSE(plan.any());
  CHECK(plan.controllers.empty());
  CHECK(losses(plan) == Words{"cgroups: pods share the cgroup of the job; their own limits are not enforced (leaf: no "
                              "leaf after all; systemd: too slow)"});
  plan.step_down("nothing is left to go down to");
  CHECK_FALSE(plan.any());
}

TEST_CASE("cgroup plan: each controller that is missing is named, with what it costs", "[plan]") {
  CgroupPlan plan = plan_cgroups({}, good_facts());
  CHECK(losses(plan).empty());
  plan.settle({{"memory", "cpu", "pids", "io"}, {"cpuset: write x: Invalid argument"}, {}});
  CHECK(losses(plan) == Words{"cgroups: no cpuset controller (write x: Invalid argument): pods are kept on the job's "
                              "CPUs by affinity alone"});
  plan.settle({{"memory"}, {}, {}});
  CHECK(losses(plan).size() == 4);
  for (const std::string& name : cgroups::wanted_controllers())
    CHECK(missed_without(name).empty() == (name == "memory"));
}

TEST_CASE("cgroup plan: in a job, a scope is told to be outside of it", "[plan]") {
  Facts facts = good_facts();
  facts.cgroup_leaf = kBroken;
  CHECK(losses(plan_cgroups({}, facts)).empty());
  facts.job = {"slurm", "7"};
  const Words lost = losses(plan_cgroups({}, facts));
  REQUIRE(lost.size() == 1);
  CHECK_THAT(lost[0], Catch::Contains("does not count them") && Catch::EndsWith("(leaf: broken)"));
}

TEST_CASE("cgroup plan: once settled, the plan's losses are those of the rung that was taken", "[plan]") {
  Plan plan = good_plan();
  plan.lost = {"bypass: none"};
  settle_cgroups(plan, {});
  CHECK(plan.lost.size() == 2);
  settle_cgroups(plan, plan_cgroups({}, good_facts()));
  CHECK(plan.lost == Words{"bypass: none"});
}

}  // namespace sublet::launcher
