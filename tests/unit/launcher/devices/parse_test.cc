// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/parse.h"

#include <catch2/catch.hpp>

namespace sublet::launcher {
namespace {

TEST_CASE("NVIDIA's information: minor and UUID", "[devices]") {
  const std::string text =
      "Model: \t\t NVIDIA A100-SXM4-40GB\nIRQ:   \t\t 148\nGPU UUID: \t GPU-8932f937-d72c-4106-c12f-20bd9faed9f6\n"
      "Video BIOS: \t 92.00.45.00.03\nBus Location: \t 0000:07:00.0\nDevice Minor: \t 2\nGPU Excluded:\t No\n";
  auto information = parse_nvidia_information(text);
  REQUIRE(information);
  CHECK(information->minor == 2);
  CHECK(information->uuid == "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6");
  CHECK(parse_nvidia_information("GPU UUID: GPU-????????-????\nDevice Minor: 0\n")->uuid.empty());
  CHECK_FALSE(parse_nvidia_information("GPU UUID: GPU-1\n"));
  CHECK_FALSE(parse_nvidia_information("Device Minor: none\n"));
}

TEST_CASE("nodes: known by their number, and nothing else", "[devices]") {
  CHECK(number_after("nvidia", "nvidia12") == 12U);
  for (const char* name : {"nvidia", "nvidiactl", "nvidia-uvm", "nvidia01", "nvidia1x", "snvidia1"})
    CHECK_FALSE(number_after("nvidia", name));
}

TEST_CASE("access: anybody's, an owner's, an entry's, a group's", "[devices]") {
  auto entry = [](std::uint16_t tag, std::uint16_t permissions, std::uint32_t id) {
    std::string bytes;
    for (int shift : {0, 8}) bytes += static_cast<char>(tag >> shift);
    for (int shift : {0, 8}) bytes += static_cast<char>(permissions >> shift);
    for (int shift : {0, 8, 16, 24}) bytes += static_cast<char>(id >> shift);
    return bytes;
  };
  const std::string head("\2\0\0\0", 4);
  CHECK(access_by(0666, 0, 1001, "") == Access::kAnybody);
  CHECK(access_by(0662, 0, 1001, "") == Access::kGroup);
  CHECK(access_by(0600, 1001, 1001, "") == Access::kOwner);
  CHECK(access_by(0660, 0, 1001, "") == Access::kGroup);
  CHECK(access_by(0660, 0, 1001, head + entry(0x01, 6, 0xffffffff) + entry(0x02, 6, 1001)) == Access::kOwner);
  CHECK(access_by(0660, 0, 1001, head + entry(0x02, 4, 1001)) == Access::kGroup);
  CHECK(access_by(0660, 0, 1001, head + entry(0x02, 6, 1002) + entry(0x08, 6, 1001)) == Access::kGroup);
  CHECK(access_by(0660, 0, 1001, head + entry(0x02, 6, 1001).substr(0, 6)) == Access::kGroup);
}

TEST_CASE("CDI: what the plugin tells of the files, or an error", "[devices]") {
  auto specs = parse_cdi_listing(
      R"([{"file":"/a.json","error":"","devices":[{"name":"x.org/c=a","nodes":["/dev/a"],"mounts":["/run/m"]}]},
          {"file":"/b.json","error":"bad kind","devices":[]}])");
  REQUIRE(specs);
  REQUIRE(specs->size() == 2);
  CHECK((*specs)[0].devices[0].name == "x.org/c=a");
  CHECK((*specs)[0].devices[0].nodes == std::vector<std::string>{"/dev/a"});
  CHECK((*specs)[0].devices[0].mounts == std::vector<std::string>{"/run/m"});
  CHECK((*specs)[1].error == "bad kind");
  for (const char* wrong :
       {"", "{}", "[1]", R"([{"file":"/a"}])", R"([{"file":"/a","error":"","devices":[{"name":1}]}])",
        R"([{"file":"/a","error":"","devices":[{"name":"n","nodes":[1],"mounts":[]}]}])"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_cdi_listing(wrong));
  }
}

}  // namespace
}  // namespace sublet::launcher
