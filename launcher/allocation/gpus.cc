// SPDX-License-Identifier: Apache-2.0
#include "launcher/allocation/gpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "launcher/allocation/hostlist.h"

namespace sublet::launcher {
namespace {

constexpr std::size_t kMostGpus = 1024;

// An index, a part of one ("0.1", ZE_AFFINITY_MASK), or a UUID ("GPU-8932f937-…", "MIG-…": CUDA C++ Programming Guide,
// CUDA Environment Variables).
bool is_device(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  return !text.empty() && text.size() <= kLongest && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '/';
  });
}

// Set and empty means none (CUDA), as do "-1" and the words that Slurm and container runtimes write. From the first
// index that is none of a device on, CUDA sees no more.
std::optional<std::vector<std::string>> visible(const char* name, const std::string& text, Readings& readings) {
  std::vector<std::string> devices;
  if (text.empty() || text == "NoDevFiles" || text == "void" || text == "none") return devices;
  for (const std::string& part : split(text, ',')) {
    if (part == "-1") return devices;
    if (!is_device(part) || devices.size() == kMostGpus) {
      readings.ignore(name, text, "not a list of devices");
      return std::nullopt;
    }
    devices.push_back(part);
  }
  return devices;
}

}  // namespace

void read_gpus(Allocation& allocation, const std::vector<const char*>& lists, Readings& readings) {
  std::optional<std::vector<std::string>> given;
  std::string given_by;
  for (const char* name : lists) {
    auto text = readings.text(name);
    if (!text || given) continue;
    if (auto ids = expand_idset(*text, kMostGpus)) {
      given.emplace();
      for (const std::uint32_t id : *ids) given->push_back(std::to_string(id));
      given_by = name;
    } else {
      readings.ignore(name, *text, "not a list of devices");
    }
  }
  constexpr std::array kVisible = {"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES",
                                   "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK"};
  for (const char* name : kVisible) {
    auto text = readings.raw(name);
    if (!text) continue;
    auto devices = visible(name, *text, readings);
    if (!devices) continue;
    if (given && devices->size() > given->size()) {
      readings.warn(fmt::format("{} shows {} devices, but {} gives {}; the first {} count", name, devices->size(),
                                given_by, given->size(), given->size()));
      devices->resize(given->size());
    }
    allocation.gpus = std::move(devices);
    allocation.gpus_by = name;
    return;
  }
  allocation.gpus = std::move(given);
  allocation.gpus_by = given_by;
}

}  // namespace sublet::launcher
