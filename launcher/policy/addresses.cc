// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/addresses.h"

#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/fs.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestResult = std::size_t{1} << 20;

std::string uid_in(const json& arguments) {
  if (!arguments.is_array()) return "";
  for (const json& pair : arguments)
    if (pair.is_array() && pair.size() == 2 && pair[0] == "K8S_POD_UID" && pair[1].is_string()) return pair[1];
  return "";
}

}  // namespace

std::optional<PodAddress> pod_address(std::string_view cni_result, const Cidr& pods) {
  const json object = json::parse(cni_result, nullptr, false);
  if (!object.is_object() || !object.contains("result") || !object["result"].is_object()) return std::nullopt;
  PodAddress found;
  found.uid = uid_in(object.value("cniArgs", json()));
  const json ips = object["result"].value("ips", json());
  if (found.uid.empty() || !ips.is_array()) return std::nullopt;
  for (const json& ip : ips) {
    const std::string text = ip.is_object() ? ip.value("address", "") : "";
    const auto address = parse_ip(std::string_view(text).substr(0, text.find('/')));
    if (!address || !contains(pods, *address)) continue;
    found.address = *address;
    return found;
  }
  return std::nullopt;
}

Result<PodAddresses> PodAddresses::watch(std::string directory, const Cidr& pods) {
  constexpr mode_t kMode = 0700;
  TRY(fs::make_directories(directory, kMode));
  UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return fail_errno("inotify");
  if (::inotify_add_watch(inotify.get(), directory.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE) < 0)
    return fail_errno("watching " + directory);
  PodAddresses addresses(std::move(directory), pods, std::move(inotify));
  addresses.scan();
  return addresses;
}

void PodAddresses::scan() {
  by_file_.clear();
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory_, error), end; !error && at != end; at.increment(error))
    look_at(at->path().filename());
}

void PodAddresses::look_at(const std::string& name) {
  const auto text = fs::read_file(directory_ + "/" + name, kLongestResult);
  const auto found = text ? pod_address(*text, pods_) : std::nullopt;
  if (found)
    by_file_.insert_or_assign(name, *found);
  else
    by_file_.erase(name);
}

void PodAddresses::update() {
  alignas(inotify_event) std::array<char, 16 * (sizeof(inotify_event) + NAME_MAX + 1)> buffer;
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) return;
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      // More has happened than the kernel remembers.
      if ((event.mask & IN_Q_OVERFLOW) != 0)
        scan();
      else if (event.len > 0)
        look_at(buffer.data() + at + sizeof event);
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
}

std::map<std::string, IpAddress> PodAddresses::all() const {
  std::map<std::string, IpAddress> all;
  for (const auto& [file, pod] : by_file_) all.insert_or_assign(pod.uid, pod.address);
  return all;
}

}  // namespace sublet::launcher
