// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/parse.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

std::optional<std::vector<std::string>> texts(const json& object, const char* name) {
  auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return std::nullopt;
  std::vector<std::string> list;
  for (const json& item : *found) {
    if (!item.is_string()) return std::nullopt;
    list.push_back(item.get<std::string>());
  }
  return list;
}

std::optional<std::string> text(const json& object, const char* name) {
  auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<CdiDevice> device_of(const json& object) {
  if (!object.is_object()) return std::nullopt;
  auto name = text(object, "name");
  auto nodes = texts(object, "nodes");
  auto mounts = texts(object, "mounts");
  if (!name || !nodes || !mounts) return std::nullopt;
  return CdiDevice{std::move(*name), std::move(*nodes), std::move(*mounts)};
}

std::optional<ReadSpec> spec_of(const json& object) {
  if (!object.is_object()) return std::nullopt;
  auto file = text(object, "file");
  auto error = text(object, "error");
  auto devices = object.find("devices");
  if (!file || !error || devices == object.end() || !devices->is_array()) return std::nullopt;
  ReadSpec spec{std::move(*file), std::move(*error), {}};
  for (const json& item : *devices) {
    auto device = device_of(item);
    if (!device) return std::nullopt;
    spec.devices.push_back(std::move(*device));
  }
  return spec;
}

}  // namespace

std::optional<NvidiaInformation> parse_nvidia_information(std::string_view text) {
  NvidiaInformation information;
  std::optional<std::uint32_t> minor;
  for (const std::string& line : lines(text)) {
    const std::size_t colon = line.find(':');
    if (colon == line.npos) continue;
    const std::string_view name = trim(std::string_view(line).substr(0, colon));
    const std::string_view value = trim(std::string_view(line).substr(colon + 1));
    if (name == "Device Minor") minor = parse_int<std::uint32_t>(value);
    if (name == "GPU UUID" && value.find('?') == value.npos) information.uuid = value;
  }
  if (!minor) return std::nullopt;
  information.minor = *minor;
  return information;
}

std::optional<std::uint32_t> number_after(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size());
  if (digits.size() > 1 && digits[0] == '0') return std::nullopt;
  return parse_int<std::uint32_t>(digits);
}

Access access_by(mode_t mode, uid_t owner, uid_t us, std::string_view acl) {
  constexpr mode_t kOthers = 06;
  if ((mode & kOthers) == kOthers) return Access::kAnybody;
  if (owner == us) return Access::kOwner;
  // A header of four bytes (the version, 2), then entries: tag, permissions, id; in little endian.
  struct Entry {
    std::uint16_t tag;
    std::uint16_t permissions;
    std::uint32_t id;
  };
  constexpr std::size_t kHeader = 4;
  constexpr std::uint16_t kNamedUser = 0x02;
  constexpr std::uint16_t kReadWrite = 06;
  for (std::size_t at = kHeader; at + sizeof(Entry) <= acl.size(); at += sizeof(Entry)) {
    Entry entry{};
    std::memcpy(&entry, acl.data() + at, sizeof entry);
    if (entry.tag == kNamedUser && entry.id == us && (entry.permissions & kReadWrite) == kReadWrite)
      return Access::kOwner;
  }
  return Access::kGroup;
}

Result<std::vector<ReadSpec>> parse_cdi_listing(std::string_view text) {
  const json listing = json::parse(text, nullptr, false);
  if (!listing.is_array()) return fail("the device plugin's listing is no array");
  std::vector<ReadSpec> specs;
  for (const json& item : listing) {
    auto spec = spec_of(item);
    if (!spec) return fail("the device plugin's listing has an entry that is none");
    specs.push_back(std::move(*spec));
  }
  return specs;
}

}  // namespace sublet::launcher
