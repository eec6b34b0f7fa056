// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "tests/unit/launcher/plan/samples.h"

namespace sublet::launcher {
namespace {

Plan rich_plan() {
  Facts facts = test::good_facts();
  facts.job.manager = "slurm";
  facts.job.id = "4711";
  facts.job.hosts = {"node-6", "node-7"};
  facts.job.host_index = 1;
  facts.share.cpus = {4, 5};
  facts.share.cpus_by = "the CPUs that we may run on";
  facts.share.memory_bytes = std::uint64_t{2} << 30;
  facts.share.memory_by = "SLURM_MEM_PER_NODE";
  facts.overlayfs = {false, "no \"such\" device\n"};
  Plan plan = test::good_plan({}, facts);
  plan.components_dir = "/opt/sublet";
  plan.writable = {"/home/änn", "/a b"};
  plan.archives = {"/images/pause.tar"};
  plan.credentials = {{"registry.example.org", {"ann", "hunter2", ""}}};
  return plan;
}

TEST_CASE("plan as JSON: says what the plan says", "[plan]") {
  const Plan plan = rich_plan();
  const std::string text = plan_as_json(plan);
  const auto json = nlohmann::json::parse(text, nullptr, false);
  REQUIRE(json.is_object());
  CHECK(text.ends_with("}\n"));
  CHECK(json["schema"] == 1);
  CHECK(json["name"] == "default");
  CHECK(json["node"] == "node-7");
  CHECK(json["state_base"] == "/tmp");
  CHECK(json["components"] == "/opt/sublet");
  CHECK(json["identity"]["rung"] == "subuid");
  CHECK(json["identity"]["uid_map"].size() == plan.identity.uids.size());
  CHECK(json["identity"]["uid_map"][0]["outside"] == plan.identity.uids[0].outside);
  CHECK(json["cgroups"] == "leaf");
  CHECK(json["cgroup_controllers"].size() == 5);
  CHECK(json["network"]["out"] == "tap");
  CHECK(json["network"]["ipv6"] == true);
  CHECK(json["network"]["services"] == "10.43.0.0/16");
  CHECK(json["service_proxy"] == "nftables");
  CHECK(json["snapshotter"] == "native");
  CHECK(json["proc"] == "fresh");
  CHECK(json["job"]["manager"] == "slurm");
  CHECK(json["job"]["host_index"] == 1);
  CHECK(json["job"]["end"].is_null());
  CHECK(json["share"]["cpus"] == 2);
  CHECK(json["share"]["cpu_list"] == "4-5");
  CHECK(json["share"]["memory_by"] == "SLURM_MEM_PER_NODE");
  CHECK(json["share"]["pods_memory_bytes"] == (2048ULL - 612) << 20);
  CHECK(json["share"]["gpus"].is_null());
  CHECK(json["writable"] == nlohmann::json(plan.writable));
  CHECK(json["images"] == nlohmann::json(plan.archives));
  CHECK(json["lost"] == nlohmann::json(plan.lost));
}

TEST_CASE("plan as text: a row each, and what is lost", "[plan]") {
  const std::string text = plan_as_text(rich_plan());
  for (const char* row :
       {"cluster        default\n", "node           node-7\n", "state below    /tmp\n", "components     /opt/sublet\n",
        "network out    tap, MTU 65520, IPv4 and IPv6\n", "job            slurm 4711, host 2 of 2\n",
        "share          2 CPUs (by the CPUs that we may run on), 2.0 GiB (by SLURM_MEM_PER_NODE); for "
        "pods 1.4 GiB\n",
        "service proxy  nftables\n", "snapshotter    native\n", "proc, sysfs    fresh, fresh\n",
        "writable       /home/änn /a b\n", "cgroups        leaf, with memory cpu pids cpuset io\n",
        "lost:          images: "})
    CHECK_THAT(text, Catch::Contains(row));
}

TEST_CASE("job as text: what is known of it, and when it ends", "[plan]") {
  Allocation job;
  CHECK(job_text(job, 1000) == "none");
  job.manager = "slurm";
  job.id = "4712";
  job.array = "4700_12";
  job.step = "0";
  job.end = 4600;
  CHECK(job_text(job, 1000) == "slurm 4712, array 4700_12, step 0, ends in 1 h");
}

TEST_CASE("plan: no rendering shows a password", "[plan]") {
  CHECK(plan_as_json(rich_plan()).find("hunter2") == std::string::npos);
  CHECK(plan_as_text(rich_plan()).find("hunter2") == std::string::npos);
}

}  // namespace
}  // namespace sublet::launcher
