// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/gpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

constexpr std::array kVendors = {Vendor::kNvidia, Vendor::kAmd, Vendor::kIntel};

// Nodes that all GPUs of a vendor need beside their own. (nvidia-uvm is CUDA's unified memory, without which no CUDA
// program starts; the tools are for profilers.)
struct Shared {
  std::vector<std::string> needed;
  std::vector<std::string> wanted;
};
Shared shared_nodes(Vendor vendor) {
  switch (vendor) {
    case Vendor::kNvidia: return {{"/dev/nvidiactl", "/dev/nvidia-uvm"}, {"/dev/nvidia-uvm-tools"}};
    case Vendor::kAmd: return {{"/dev/kfd"}, {}};
    case Vendor::kIntel: return {};
  }
  return {};
}

// The names of the vendors' own device plugins.
std::string resource_of(const GpuFact& gpu) {
  switch (gpu.vendor) {
    case Vendor::kNvidia: return "nvidia.com/gpu";
    case Vendor::kAmd: return "amd.com/gpu";
    case Vendor::kIntel: return gpu.driver == "xe" ? "gpu.intel.com/xe" : "gpu.intel.com/i915";
  }
  return {};
}

std::optional<Vendor> vendor_of_variable(std::string_view name) {
  if (name == "CUDA_VISIBLE_DEVICES") return Vendor::kNvidia;
  if (name == "ROCR_VISIBLE_DEVICES" || name == "HIP_VISIBLE_DEVICES" || name == "GPU_DEVICE_ORDINAL")
    return Vendor::kAmd;
  if (name == "ZE_AFFINITY_MASK") return Vendor::kIntel;
  return std::nullopt;
}

class Choice {
 public:
  Choice(const DeviceFacts& facts, HostGroups groups, Offer& offer) : facts_(facts), groups_(groups), offer_(offer) {}

  // All that can be opened. What cannot is not ours: nothing to say, but where a container's groups are the reason.
  void all(Vendor vendor) {
    for (const GpuFact* gpu : of(vendor)) {
      if (!out_of_reach(facts_, gpu->node, groups_))
        add(*gpu);
      else if (!out_of_reach(facts_, gpu->node, HostGroups::kKept))
        lose(*out_of_reach(facts_, gpu->node, groups_));
    }
  }
  void only(Vendor vendor, const std::vector<std::string>& tokens, const std::string& by);

 private:
  [[nodiscard]] std::vector<const GpuFact*> of(Vendor vendor) const {
    std::vector<const GpuFact*> found;
    for (const GpuFact& gpu : facts_.gpus)
      if (gpu.vendor == vendor) found.push_back(&gpu);
    return found;
  }
  [[nodiscard]] const GpuFact* at(Vendor vendor, std::size_t index, std::size_t place, std::size_t count,
                                  bool of_view) const;
  [[nodiscard]] std::string cdi_name_of(const GpuFact& gpu) const;
  bool add_by_uuid(Vendor vendor, const std::string& uuid);
  void add(const GpuFact& gpu);
  void add_unit(const std::string& resource, DeviceUnit unit);
  void lose(const std::string& what) {
    const std::string text = "devices: " + what;
    if (std::find(offer_.lost.begin(), offer_.lost.end(), text) == offer_.lost.end()) offer_.lost.push_back(text);
  }

  const DeviceFacts& facts_;
  HostGroups groups_;
  Offer& offer_;
};

// The GPU that an index means; nullptr: none that could be opened.
const GpuFact* Choice::at(Vendor vendor, std::size_t index, std::size_t place, std::size_t count, bool of_view) const {
  const std::vector<const GpuFact*> host = of(vendor);
  std::vector<const GpuFact*> open;
  for (const GpuFact* gpu : host)
    if (!out_of_reach(facts_, gpu->node, groups_)) open.push_back(gpu);
  if (of_view) return index < open.size() ? open[index] : nullptr;
  if (index < host.size() && !out_of_reach(facts_, host[index]->node, groups_)) return host[index];
  // Where the others' nodes are not even to be seen, as in a container, ours are just as many.
  return open.size() == count ? open[place] : nullptr;
}

// The specification's device that is this GPU and no more ("all" is more; an instance of MIG has further nodes).
std::string Choice::cdi_name_of(const GpuFact& gpu) const {
  std::string name;
  for (const CdiSpec& spec : facts_.cdi) {
    for (const CdiDevice& device : spec.devices) {
      const bool is_all = device.name.ends_with("=all");
      std::size_t gpus = 0;
      bool part = false;
      for (const std::string& node : device.nodes) {
        gpus += static_cast<std::size_t>(std::count_if(facts_.gpus.begin(), facts_.gpus.end(),
                                                       [&](const GpuFact& other) { return other.node == node; }));
        part = part || node.starts_with("/dev/nvidia-caps/");
      }
      const bool has = std::find(device.nodes.begin(), device.nodes.end(), gpu.node) != device.nodes.end();
      if (has && gpus == 1 && !part && !is_all && name.empty()) name = device.name;
    }
  }
  return name;
}

void Choice::add_unit(const std::string& resource, DeviceUnit unit) {
  auto found = std::find_if(offer_.resources.begin(), offer_.resources.end(),
                            [&](const DeviceResource& r) { return r.name == resource; });
  if (found == offer_.resources.end()) found = offer_.resources.insert(offer_.resources.end(), {resource, {}});
  // A GPU that was named twice is one.
  if (std::find(found->units.begin(), found->units.end(), unit) == found->units.end())
    found->units.push_back(std::move(unit));
}

void Choice::add(const GpuFact& gpu) {
  DeviceUnit unit;
  unit.id = gpu.node.substr(gpu.node.rfind('/') + 1);
  if (const std::string name = cdi_name_of(gpu); !name.empty()) {
    unit.cdi = {name};
    return add_unit(resource_of(gpu), std::move(unit));
  }
  unit.nodes = {gpu.node};
  const Shared shared = shared_nodes(gpu.vendor);
  for (const std::string& node : shared.needed) {
    if (auto reason = out_of_reach(facts_, node, groups_))
      return lose(fmt::format("no {}: {}", resource_of(gpu), *reason));
    unit.nodes.push_back(node);
  }
  for (const std::string& node : shared.wanted)
    if (!out_of_reach(facts_, node, groups_)) unit.nodes.push_back(node);
  add_unit(resource_of(gpu), std::move(unit));
}

// By the specification, which names instances of MIG too, or by what the driver tells. A UUID may be shortened as long
// as it is only one device's (CUDA C++ Programming Guide, CUDA Environment Variables).
bool Choice::add_by_uuid(Vendor vendor, const std::string& uuid) {
  std::vector<const CdiDevice*> named;
  for (const CdiSpec& spec : facts_.cdi)
    for (const CdiDevice& device : spec.devices)
      if (device.name.substr(device.name.find('=') + 1).starts_with(uuid)) named.push_back(&device);
  if (named.size() == 1) {
    for (const std::string& node : named[0]->nodes)
      if (out_of_reach(facts_, node, groups_)) return false;
    GpuFact gpu;
    gpu.vendor = vendor;
    add_unit(resource_of(gpu), {named[0]->name.substr(named[0]->name.find('=') + 1), {}, {named[0]->name}});
    return true;
  }
  std::vector<const GpuFact*> told = of(vendor);
  std::erase_if(told, [&](const GpuFact* gpu) { return !gpu->uuid.starts_with(uuid); });
  if (told.size() != 1 || out_of_reach(facts_, told[0]->node, groups_)) return false;
  add(*told[0]);
  return true;
}

void Choice::only(Vendor vendor, const std::vector<std::string>& tokens, const std::string& by) {
  const bool of_view = vendor_of_variable(by).has_value();
  for (std::size_t place = 0; place < tokens.size(); ++place) {
    const std::string& token = tokens[place];
    if (auto index = parse_int<std::uint32_t>(token)) {
      if (const GpuFact* gpu = at(vendor, *index, place, tokens.size(), of_view))
        add(*gpu);
      else
        lose(fmt::format("GPU {} (by {}) cannot be opened here", token, by));
    } else if (token.find('.') != token.npos) {
      lose(fmt::format("{} (by {}) is a part of a GPU, which cannot be given alone", token, by));
    } else if (!add_by_uuid(vendor, token)) {
      lose(
          fmt::format("GPU {} (by {}) is none that a CDI specification or the driver names here, or it cannot be "
                      "opened",
                      token, by));
    }
  }
}

}  // namespace

Offer offer_gpus(const DeviceFacts& facts, const Share& share, HostGroups groups) {
  Offer offer;
  Choice choice(facts, groups, offer);
  auto has = [&](Vendor vendor) {
    return std::any_of(facts.gpus.begin(), facts.gpus.end(), [&](const GpuFact& gpu) { return gpu.vendor == vendor; });
  };
  if (!share.gpus) {
    for (const Vendor vendor : kVendors) choice.all(vendor);
    return offer;
  }
  if (share.gpus->empty()) return offer;
  std::optional<Vendor> vendor = vendor_of_variable(share.gpus_by);
  if (!vendor || !has(*vendor)) {
    const auto* first = std::find_if(kVendors.begin(), kVendors.end(), has);
    vendor = first == kVendors.end() ? std::nullopt : std::optional(*first);
  }
  if (vendor)
    choice.only(*vendor, *share.gpus, share.gpus_by);
  else
    offer.lost.push_back(fmt::format("devices: {} GPU{} by {}, and none is to be seen here", share.gpus->size(),
                                     share.gpus->size() == 1 ? "" : "s", share.gpus_by));
  return offer;
}

}  // namespace sublet::launcher
