// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/gpus.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "tests/unit/launcher/devices/samples.h"

namespace sublet::launcher {
namespace {

using namespace test;

// "nvidia.com/gpu: nvidia0 nvidia2"
std::string told(const Offer& offer) {
  std::vector<std::string> parts;
  for (const DeviceResource& resource : offer.resources) {
    std::vector<std::string> ids;
    for (const DeviceUnit& unit : resource.units) ids.push_back(unit.id);
    parts.push_back(resource.name + ": " + join(ids, " "));
  }
  return join(parts, "; ");
}

Offer offered(const DeviceFacts& facts, const Share& share = {}, HostGroups groups = HostGroups::kLost) {
  return offer_gpus(facts, share, groups);
}

TEST_CASE("gpus: without anybody's word, all that can be opened", "[devices]") {
  DeviceFacts facts = nvidia_host(3);
  facts.nodes["/dev/nvidia1"] = closed_node();
  const Offer offer = offered(facts);
  CHECK(told(offer) == "nvidia.com/gpu: nvidia0 nvidia2");
  CHECK(offer.lost.empty());
  CHECK(offer.resources[0].units[1].nodes ==
        std::vector<std::string>{"/dev/nvidia2", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"});
}

TEST_CASE("gpus: those that are visible, by the rules of whose variable it is", "[devices]") {
  struct Row {
    std::vector<std::string> gpus;
    std::string by;
    std::vector<unsigned> shut;
    std::string told;
    std::string lost;  // a part of it; empty: nothing
  };
  const std::vector<Row> rows = {
      // The vendors' variables count what can be opened.
      {{"1"}, "CUDA_VISIBLE_DEVICES", {}, "nvidia.com/gpu: nvidia1", ""},
      {{"0"}, "CUDA_VISIBLE_DEVICES", {0, 1, 3}, "nvidia.com/gpu: nvidia2", ""},
      {{"1", "1"}, "CUDA_VISIBLE_DEVICES", {}, "nvidia.com/gpu: nvidia1", ""},
      {{"0", "7"}, "CUDA_VISIBLE_DEVICES", {}, "nvidia.com/gpu: nvidia0", "GPU 7 (by CUDA_VISIBLE_DEVICES)"},
      // The manager's lists name them as on the whole host.
      {{"2"}, "SLURM_STEP_GPUS", {0, 1, 3}, "nvidia.com/gpu: nvidia2", ""},
      {{"6", "7"}, "SLURM_STEP_GPUS", {1, 2}, "nvidia.com/gpu: nvidia0 nvidia3", ""},
      {{"7"}, "SLURM_STEP_GPUS", {}, "", "GPU 7 (by SLURM_STEP_GPUS) cannot be opened here"},
      // Another vendor's variable: Slurm sets all of them.
      {{"1"}, "ROCR_VISIBLE_DEVICES", {}, "nvidia.com/gpu: nvidia1", ""},
      {{}, "CUDA_VISIBLE_DEVICES", {}, "", ""},
      {{"GPU-ccc"}, "CUDA_VISIBLE_DEVICES", {}, "nvidia.com/gpu: nvidia2", ""},
      {{"GPU-"}, "CUDA_VISIBLE_DEVICES", {}, "", "GPU GPU- (by CUDA_VISIBLE_DEVICES) is none"},
      {{"GPU-ccc"}, "CUDA_VISIBLE_DEVICES", {2}, "", "GPU GPU-ccc"},
      {{"MIG-x"}, "CUDA_VISIBLE_DEVICES", {}, "", "GPU MIG-x"},
      {{"0.1"}, "ZE_AFFINITY_MASK", {}, "", "0.1 (by ZE_AFFINITY_MASK) is a part of a GPU"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.gpus, row.by, row.shut);
    DeviceFacts facts = nvidia_host(4);
    for (const unsigned i : row.shut) facts.nodes["/dev/nvidia" + std::to_string(i)] = closed_node();
    const Offer offer = offered(facts, share_with(row.gpus, row.by));
    CHECK(told(offer) == row.told);
    CHECK(offer.lost.empty() == row.lost.empty());
    if (!row.lost.empty() && !offer.lost.empty()) CHECK(offer.lost[0].find(row.lost) != std::string::npos);
  }
}

TEST_CASE("gpus: a specification's names go before plain nodes, but not those of more or of less", "[devices]") {
  DeviceFacts facts = nvidia_host(2);
  facts.nodes["/dev/nvidia-caps/nvidia-cap3"] = open_node();
  facts.cdi = {nvidia_spec(2)};
  facts.cdi[0].devices.insert(facts.cdi[0].devices.begin(),
                              {"nvidia.com/gpu=0:0", {"/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap3"}, {}});
  facts.cdi[0].devices.insert(facts.cdi[0].devices.begin(), facts.cdi[0].devices.back());  // "all"
  Offer offer = offered(facts);
  REQUIRE(told(offer) == "nvidia.com/gpu: nvidia0 nvidia1");
  CHECK(offer.resources[0].units[0] == DeviceUnit{"nvidia0", {}, {"nvidia.com/gpu=0"}});
  CHECK(offer.resources[0].units[1] == DeviceUnit{"nvidia1", {}, {"nvidia.com/gpu=1"}});

  // By a UUID that only the specification has, as instances of MIG are.
  facts.cdi[0].devices.push_back({"nvidia.com/gpu=MIG-77", {"/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap3"}, {}});
  offer = offered(facts, share_with({"MIG-77"}, "CUDA_VISIBLE_DEVICES"));
  REQUIRE(told(offer) == "nvidia.com/gpu: MIG-77");
  CHECK(offer.resources[0].units[0].cdi == std::vector<std::string>{"nvidia.com/gpu=MIG-77"});
  facts.nodes["/dev/nvidia-caps/nvidia-cap3"] = closed_node();
  CHECK(told(offered(facts, share_with({"MIG-77"}, "CUDA_VISIBLE_DEVICES"))).empty());
}

TEST_CASE("gpus: of AMD and of Intel, by their render nodes and drivers", "[devices]") {
  DeviceFacts facts;
  for (const char* node : {"/dev/kfd", "/dev/dri/renderD128", "/dev/dri/renderD129", "/dev/dri/renderD130"})
    facts.nodes[node] = open_node();
  facts.gpus = {{Vendor::kAmd, "/dev/dri/renderD128", "", "amdgpu"},
                {Vendor::kIntel, "/dev/dri/renderD129", "", "i915"},
                {Vendor::kIntel, "/dev/dri/renderD130", "", "xe"}};
  Offer offer = offered(facts);
  CHECK(told(offer) == "amd.com/gpu: renderD128; gpu.intel.com/i915: renderD129; gpu.intel.com/xe: renderD130");
  CHECK(offer.resources[0].units[0].nodes == std::vector<std::string>{"/dev/dri/renderD128", "/dev/kfd"});
  CHECK(offer.resources[1].units[0].nodes == std::vector<std::string>{"/dev/dri/renderD129"});
  CHECK(told(offered(facts, share_with({"1"}, "ZE_AFFINITY_MASK"))) == "gpu.intel.com/xe: renderD130");

  SECTION("a GPU without what all of its kind need is none") {
    facts.nodes["/dev/kfd"] = closed_node();
    offer = offered(facts, share_with({"0"}, "ROCR_VISIBLE_DEVICES"));
    CHECK(told(offer).empty());
    REQUIRE(offer.lost.size() == 1);
    CHECK(offer.lost[0] == "devices: no amd.com/gpu: /dev/kfd: Operation not permitted");
  }
  SECTION("open by a group is not open to containers with subordinate ids") {
    for (const char* node : {"/dev/kfd", "/dev/dri/renderD128", "/dev/dri/renderD129", "/dev/dri/renderD130"})
      facts.nodes[node] = open_node(Access::kGroup);
    offer = offered(facts);
    CHECK(told(offer).empty());
    CHECK(offer.lost.size() == 3);
    CHECK(offered(facts, {}, HostGroups::kKept).resources.size() == 3);
  }
}

TEST_CASE("gpus: visible ones of which there is no trace are told of", "[devices]") {
  const Offer offer = offered({}, share_with({"0", "1"}, "CUDA_VISIBLE_DEVICES"));
  CHECK(offer.resources.empty());
  CHECK(offer.lost == std::vector<std::string>{"devices: 2 GPUs by CUDA_VISIBLE_DEVICES, and none is to be seen here"});
}

}  // namespace
}  // namespace sublet::launcher
