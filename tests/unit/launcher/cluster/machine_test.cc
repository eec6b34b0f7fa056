// SPDX-License-Identifier: Apache-2.0
#include "launcher/cluster/machine.h"

#include "samples.h"

namespace sublet::launcher::test {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

// Two of the machine's four CPUs, half of its memory.
Share half() {
  Share share;
  share.cpus = {1, 3};
  share.memory_bytes = 4 * kGiB;
  share.machine_cpus = 4;
  share.machine_memory = 8 * kGiB;
  return share;
}

MachineTexts four_cpus() {
  MachineTexts texts;
  for (int cpu = 0; cpu < 4; ++cpu)
    texts.cpuinfo += "processor\t: " + std::to_string(cpu) + "\nvendor_id\t: A\ncpu MHz\t\t: 2500.000\n\n";
  texts.sys_cpu = [](const std::string& path) {
    return path == "cpu3/topology/core_id" ? std::string("7\n") : std::string();
  };
  return texts;
}

}  // namespace

TEST_CASE("machine: the kubelet sees the share's CPUs and memory", "[cluster]") {
  const std::vector<StateFile> files = machine_files(half(), four_cpus());
  CHECK_THAT(text_of(files, "etc/machine/meminfo"), Catch::StartsWith("MemTotal:        4194304 kB\n"));
  const std::string cpuinfo = text_of(files, "etc/machine/cpuinfo");
  CHECK(cpuinfo.find("processor\t: 0\n") == std::string::npos);
  CHECK(cpuinfo.find("processor\t: 1\n") != std::string::npos);
  CHECK(cpuinfo.find("processor\t: 3\n") != std::string::npos);
  CHECK(text_of(files, "etc/machine/cpu/online") == "1,3\n");
  CHECK(text_of(files, "etc/machine/cpu/cpu3/topology/core_id") == "7\n");
  CHECK(text_of(files, "etc/machine/cpu/cpu1/topology/physical_package_id") == "0\n");
  // Each source of the view is one of the files, or a folder of some.
  CHECK(machine_view().size() == 4);
  for (const auto& [source, target] : machine_view()) {
    INFO(source);
    const std::string path = source.substr(inside_path("").size());
    CHECK(path.starts_with(std::string(kMachineFolder) + "/"));
    CHECK(std::any_of(files.begin(), files.end(),
                      [&](const StateFile& file) { return file.path == path || file.path.starts_with(path + "/"); }));
  }
}

TEST_CASE("machine: what is not cut is the real one", "[cluster]") {
  Share whole = half();
  whole.cpus = {0, 1, 2, 3};
  whole.memory_bytes = whole.machine_memory;
  const std::vector<StateFile> files = machine_files(whole, four_cpus());
  REQUIRE(files.size() == 1);
  CHECK(files[0].text == four_cpus().cpuinfo);
}

TEST_CASE("machine: a clock's rate is there even where the machine has none", "[cluster]") {
  MachineTexts texts = four_cpus();
  texts.cpuinfo = "processor\t: 0\nvendor_id\t: User Mode Linux\n\n";
  Share share = half();
  share.cpus = {0};
  CHECK_THAT(text_of(machine_files(share, texts), "etc/machine/cpuinfo"),
             Catch::StartsWith("processor\t: 0\nvendor_id\t: User Mode Linux\n") &&
                 Catch::Contains("\ncpu MHz\t\t: 1000.000\n"));
  CHECK_THAT(text_of(machine_files(share, {"", texts.sys_cpu}), "etc/machine/cpuinfo"), Catch::Contains("cpu MHz"));
}

TEST_CASE("machine: what the cluster needs for itself is not offered", "[cluster]") {
  const auto config = json_of(kubelet_files(good_plan(), sample_pki()), "etc/kubelet.json");
  CHECK(config["systemReserved"]["memory"] == std::to_string(kOwnMemory));
  CHECK(config["evictionHard"]["memory.available"] == std::to_string(kKeptFree));
  Plan plan = good_plan();
  // Where the kubelet's figures are others' too, nobody is evicted by them; the offer is the same.
  settle_cgroups(plan, {});
  const auto blind = json_of(kubelet_files(plan, sample_pki()), "etc/kubelet.json");
  CHECK(blind["systemReserved"]["memory"] == std::to_string(kOwnMemory + kKeptFree));
  CHECK(blind["evictionHard"]["memory.available"] == "0%");
  plan.share.memory_by_cgroup = true;
  CHECK(json_of(kubelet_files(plan, sample_pki()), "etc/kubelet.json")["evictionHard"] == config["evictionHard"]);
  plan.share.memory_bytes = 4 * kGiB;
  CHECK(plan.memory_for_pods() == 4 * kGiB - kOwnMemory - kKeptFree);
  CHECK(kLeastMemory > kOwnMemory + kKeptFree);
}

}  // namespace sublet::launcher::test
