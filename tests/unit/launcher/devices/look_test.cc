// SPDX-License-Identifier: Apache-2.0
// Trees of the test's own, with links to /dev/null for devices.
#include "launcher/devices/look.h"

#include <catch2/catch.hpp>

#include "base/fs.h"
#include "base/sys.h"

namespace sublet::launcher {
namespace {

struct World {
  fs::ScopedTempDir dir = *fs::ScopedTempDir::create();
  DevicePlaces places{dir.path() + "/dev", dir.path() + "/proc", dir.path() + "/sys", {dir.path() + "/cdi"}};

  [[nodiscard]] std::string file(const std::string& path, std::string_view text, mode_t mode = 0644) const {
    const std::string full = dir.path() + "/" + path;
    REQUIRE(fs::make_directories(full.substr(0, full.rfind('/'))));
    REQUIRE(fs::write_file(full, text, mode));
    REQUIRE(sys::chmod(full, mode));
    return full;
  }
  void node(const std::string& path) const {
    const std::string full = places.dev + "/" + path;
    REQUIRE(fs::make_directories(full.substr(0, full.rfind('/'))));
    REQUIRE(sys::symlink("/dev/null", full));
  }
};

TEST_CASE("looking: NVIDIA's nodes by number, each with its UUID", "[devices]") {
  const World world;
  for (const char* name : {"nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm"}) world.node(name);
  (void)world.file("proc/driver/nvidia/gpus/0000:07:00.0/information", "GPU UUID: GPU-ten\nDevice Minor: 10\n");
  const DeviceFacts facts = look_at_devices({}, "/nonexistent", world.places);
  REQUIRE(facts.gpus.size() == 2);
  CHECK(facts.gpus[0].node == world.places.dev + "/nvidia2");
  CHECK(facts.gpus[0].uuid.empty());
  CHECK(facts.gpus[1].uuid == "GPU-ten");
  CHECK(facts.nodes.at(world.places.dev + "/nvidia2").access == Access::kAnybody);
  CHECK(facts.nodes.at(world.places.dev + "/nvidiactl").device);
  CHECK_FALSE(facts.nodes.at(world.places.dev + "/nvidia-uvm-tools").present);
  Config off;
  off.gpus = GpusMode::kOff;
  CHECK(look_at_devices(off, "/nonexistent", world.places).gpus.empty());
}

TEST_CASE("looking: render nodes are the vendor's that sysfs names", "[devices]") {
  const World world;
  for (const char* name : {"dri/card0", "dri/renderD128", "dri/renderD129", "dri/renderD130"}) world.node(name);
  (void)world.file("sys/class/drm/renderD128/device/vendor", "0x8086\n");
  REQUIRE(sys::symlink("../../bus/pci/drivers/xe", world.places.sys + "/class/drm/renderD128/device/driver"));
  (void)world.file("sys/class/drm/renderD129/device/vendor", "0x1002\n");
  (void)world.file("sys/class/drm/renderD130/device/vendor", "0x1a03\n");
  const DeviceFacts facts = look_at_devices({}, "/nonexistent", world.places);
  REQUIRE(facts.gpus.size() == 2);
  CHECK(facts.gpus[0].vendor == Vendor::kIntel);
  CHECK(facts.gpus[0].driver == "xe");
  CHECK(facts.gpus[1].vendor == Vendor::kAmd);
}

TEST_CASE("looking: what the configuration names is opened", "[devices]") {
  const World world;
  Config config;
  config.devices = {{"x.org/a", {"/dev/null", world.dir.path(), world.dir.path() + "/none"}, {}, 1, "f:1"}};
  const DeviceFacts facts = look_at_devices(config, "/nonexistent", world.places);
  CHECK(facts.nodes.at("/dev/null").access == Access::kAnybody);
  CHECK(facts.nodes.at(world.dir.path()).present);
  CHECK_FALSE(facts.nodes.at(world.dir.path()).device);
  CHECK(facts.nodes.at(world.dir.path() + "/none").reason == "No such file or directory");
}

TEST_CASE("looking: CDI files that others can write are passed over; the rest the plugin reads", "[devices]") {
  const World world;
  const std::string good = world.file("cdi/good.json", "{}");
  const std::string shared = world.file("cdi/shared.json", "{}", 0666);
  (void)world.file("cdi/notes.txt", "{}");
  const std::string more = world.file("more/more.yaml", "text");
  const std::string plugin = world.file(
      "plugin",
      "#!/bin/sh\n[ \"$1\" = --cdi ] && [ $# = 3 ] && printf "
      "'[{\"file\":\"%s\",\"error\":\"\",\"devices\":[{\"name\":\"x.org/c=a\","
      "\"nodes\":[\"/dev/full\"],\"mounts\":[]}]},{\"file\":\"%s\",\"error\":\"odd\",\"devices\":[]}]' \"$2\" \"$3\"\n",
      0755);
  Config config;
  CHECK(look_at_devices(config, plugin, world.places).cdi.empty());  // nobody wants any
  config.devices = {{"x.org/a", {}, {"x.org/c=a"}, 1, "f:1"}};
  config.cdi_dirs = {world.dir.path() + "/more", world.dir.path() + "/none"};
  const DeviceFacts facts = look_at_devices(config, plugin, world.places);
  REQUIRE(facts.cdi.size() == 2);
  CHECK(facts.cdi[0].file == good);
  CHECK(facts.cdi[0].devices.at(0).name == "x.org/c=a");
  CHECK(facts.cdi[1].directory == 1);
  CHECK(facts.cdi[1].text == "text");
  CHECK(facts.nodes.at("/dev/full").access == Access::kAnybody);
  REQUIRE(facts.warnings.size() == 2);
  CHECK(facts.warnings[0].find(shared) != std::string::npos);
  CHECK(facts.warnings[1] == "CDI: " + more + ": odd");

  const DeviceFacts without = look_at_devices(config, "/nonexistent/plugin", world.places);
  CHECK(without.cdi.empty());
  CHECK(without.warnings.size() == 2);
}

}  // namespace
}  // namespace sublet::launcher
