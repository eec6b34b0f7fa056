// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/look.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/fs.h"
#include "base/process.h"
#include "base/strings.h"
#include "base/sys.h"
#include "launcher/config/files.h"
#include "launcher/config/toml.h"
#include "launcher/devices/parse.h"

namespace sublet::launcher {
namespace {

enum class Trial { kAsk, kOpen };

std::string reason_of(int number) { return std::error_code(number, std::generic_category()).message(); }

NodeFact look_at_node(const std::string& path, Trial trial) {
  NodeFact fact;
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    fact.reason = reason_of(errno);
    return fact;
  }
  fact.present = true;
  fact.device = S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode);
  if (!fact.device) {
    fact.reason = "not a device";
    return fact;
  }
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0) {
    fact.reason = reason_of(errno);
    return fact;
  }
  // Neither waiting for a line nor becoming a terminal's owner.
  if (trial == Trial::kOpen) {
    auto opened = sys::open(path, O_RDWR | O_NONBLOCK | O_NOCTTY);
    // Busy is what it is to us now; a container may find it free.
    if (!opened && !opened.error().is(EBUSY)) {
      fact.reason = opened.error().code.message();
      return fact;
    }
  }
  std::array<char, 4096> acl;
  const ssize_t length = ::getxattr(path.c_str(), "system.posix_acl_access", acl.data(), acl.size());
  fact.access = access_by(st.st_mode, st.st_uid, ::geteuid(),
                          length > 0 ? std::string_view(acl.data(), static_cast<std::size_t>(length)) : "");
  return fact;
}

/// The names in a directory, sorted; none where it cannot be read.
std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    names.push_back(at->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// PREFIX0, PREFIX1, … in a directory, by number.
std::vector<std::uint32_t> numbered_in(const std::string& directory, std::string_view prefix) {
  std::vector<std::uint32_t> numbers;
  for (const std::string& name : names_in(directory))
    if (auto number = number_after(prefix, name)) numbers.push_back(*number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

void find_nvidia(DeviceFacts& facts, const DevicePlaces& places) {
  std::vector<NvidiaInformation> told;
  const std::string gpus = places.proc + "/driver/nvidia/gpus";
  for (const std::string& name : names_in(gpus)) {
    auto text = fs::read_file(gpus + "/" + name + "/information");
    if (!text) continue;
    if (auto information = parse_nvidia_information(*text)) told.push_back(std::move(*information));
  }
  for (const std::uint32_t minor : numbered_in(places.dev, "nvidia")) {
    GpuFact gpu{Vendor::kNvidia, fmt::format("{}/nvidia{}", places.dev, minor), "", ""};
    for (const NvidiaInformation& information : told)
      if (information.minor == minor) gpu.uuid = information.uuid;
    facts.gpus.push_back(std::move(gpu));
  }
}

// AMD's and Intel's are known by their render nodes; whose they are, by the PCI vendor.
void find_render_nodes(DeviceFacts& facts, const DevicePlaces& places) {
  for (const std::uint32_t minor : numbered_in(places.dev + "/dri", "renderD")) {
    const std::string name = fmt::format("renderD{}", minor);
    const std::string device = fmt::format("{}/class/drm/{}/device", places.sys, name);
    auto vendor = fs::read_file(device + "/vendor");
    if (!vendor) continue;
    std::error_code error;
    const std::string driver = std::filesystem::read_symlink(device + "/driver", error).filename().string();
    const std::string node = places.dev + "/dri/" + name;
    if (trim(*vendor) == "0x1002") facts.gpus.push_back({Vendor::kAmd, node, "", driver});
    if (trim(*vendor) == "0x8086") facts.gpus.push_back({Vendor::kIntel, node, "", driver});
  }
}

void read_specs(DeviceFacts& facts, const std::vector<std::string>& directories, const std::string& device_plugin) {
  Command command{.argv = {device_plugin, "--cdi"}};
  for (std::size_t i = 0; i < directories.size(); ++i) {
    for (const std::string& name : names_in(directories[i])) {
      if (!name.ends_with(".json") && !name.ends_with(".yaml")) continue;  // as the specification has it
      const std::string path = directories[i] + "/" + name;
      // It says which programs run as hooks.
      auto text = read_trusted_file(path, true);
      if (!text) {
        facts.warnings.push_back("CDI: " + to_string(text.error()));
        continue;
      }
      if ((*text)->size() > kMaxConfigBytes) {
        facts.warnings.push_back(fmt::format("CDI: {} is longer than {}", path, human_bytes(kMaxConfigBytes)));
        continue;
      }
      facts.cdi.push_back({path, i, std::move(**text), {}});
      command.argv.push_back(path);
    }
  }
  if (facts.cdi.empty()) return;
  constexpr int kListMs = 20'000;
  auto output = run(std::move(command), kListMs);
  auto listing =
      output ? parse_cdi_listing(output->out) : Result<std::vector<ReadSpec>>(tl::unexpected(output.error()));
  if (!listing) {
    facts.warnings.push_back("CDI: " + to_string(listing.error()));
    return facts.cdi.clear();
  }
  for (ReadSpec& read : *listing) {
    if (!read.error.empty()) facts.warnings.push_back("CDI: " + read.file + ": " + read.error);
    for (CdiSpec& spec : facts.cdi)
      if (spec.file == read.file) spec.devices = std::move(read.devices);
  }
}

}  // namespace

DeviceFacts look_at_devices(const Config& config, const std::string& device_plugin, const DevicePlaces& places) {
  DeviceFacts facts;
  for (const DeviceWish& wish : config.devices)
    for (const std::string& path : wish.paths) facts.nodes.try_emplace(path, look_at_node(path, Trial::kOpen));
  if (config.gpus == GpusMode::kAuto) {
    find_nvidia(facts, places);
    find_render_nodes(facts, places);
  }
  const bool cdi_wanted = std::any_of(config.devices.begin(), config.devices.end(),
                                      [](const DeviceWish& wish) { return !wish.cdi.empty(); });
  if (cdi_wanted || !facts.gpus.empty()) {
    std::vector<std::string> directories = places.cdi;
    directories.insert(directories.end(), config.cdi_dirs.begin(), config.cdi_dirs.end());
    read_specs(facts, directories, device_plugin);
  }
  std::vector<std::string> asked;
  for (const GpuFact& gpu : facts.gpus) asked.push_back(gpu.node);
  for (const CdiSpec& spec : facts.cdi)
    for (const CdiDevice& device : spec.devices) asked.insert(asked.end(), device.nodes.begin(), device.nodes.end());
  if (!facts.gpus.empty())
    for (const char* name : {"/nvidiactl", "/nvidia-uvm", "/nvidia-uvm-tools", "/kfd"})
      asked.push_back(places.dev + name);
  for (const std::string& path : asked)
    if (!facts.nodes.contains(path)) facts.nodes.emplace(path, look_at_node(path, Trial::kAsk));
  return facts;
}

}  // namespace sublet::launcher
