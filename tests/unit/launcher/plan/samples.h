// SPDX-License-Identifier: Apache-2.0
// A host that gives everything, and the plan for it: a test says only what is different.
#pragma once

#include <catch2/catch.hpp>

#include "launcher/plan/plan.h"

namespace sublet::launcher::test {

inline Facts good_facts() {
  Facts facts;
  facts.uid = facts.gid = 1001;
  facts.user = "ann";
  facts.hostname = "node-7";
  facts.subuids = facts.subgids = {{100000, 65536}};
  facts.newuidmap = "/usr/bin/newuidmap";
  facts.newgidmap = "/usr/bin/newgidmap";
  for (Probe Facts::*field :
       {&Facts::user_namespace, &Facts::id_maps, &Facts::tun, &Facts::overlayfs, &Facts::bypass, &Facts::fresh_proc,
        &Facts::fresh_sysfs, &Facts::nftables, &Facts::iptables, &Facts::network_policy, &Facts::bridge, &Facts::dummy,
        &Facts::cgroup_leaf, &Facts::cgroup_systemd})
    facts.*field = {true, ""};
  facts.cgroup_leaf_base = "/sys/fs/cgroup/job/sublet";
  facts.cgroup_bus = "/run/user/1001/bus";
  facts.cgroup_controllers = facts.cgroup_systemd_controllers = cgroups::wanted_controllers();
  facts.state = {{"/tmp", "/tmp", 0xEF53, std::uint64_t{9} << 30, false, {true, ""}}};
  facts.components = {{"kubernetes", "/c/kubernetes", "v1.36.3", {true, ""}}, {"etcd", "/c/etcd", "", {true, ""}}};
  return facts;
}

inline Plan good_plan(const Config& config = {}, const Facts& facts = good_facts()) {
  auto plan = make_plan(config, facts, {"/home/ann"});
  INFO((plan ? "" : to_string(plan.error())));
  REQUIRE(plan);
  return *plan;
}

}  // namespace sublet::launcher::test
