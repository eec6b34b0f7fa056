// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/store.h"

#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

using nlohmann::json;

std::string key_of(const json& object) {
  const json metadata = object.is_object() ? object.value("metadata", json::object()) : json::object();
  if (!metadata.is_object()) return "/";
  return metadata.value("namespace", "") + "/" + metadata.value("name", "");
}

// One that cannot be understood isolates all pods of its namespace, as it does for the packet filter.
NetworkPolicy policy_or_wall(const json& object) {
  if (auto policy = policy_from_json(object)) return std::move(*policy);
  const std::string key = key_of(object);
  const std::size_t slash = key.find('/');
  const std::vector<PolicyRule> nobody;
  return {key.substr(0, slash), key.substr(slash + 1), {}, nobody, nobody};
}

}  // namespace

ServiceStore::ServiceStore(std::function<void()> changed, bool policies, TellServices services)
    : changed_(std::move(changed)),
      policies_(policies),
      services_(*this, "/api/v1/services", service_object_from_json, std::move(services)),
      slices_(*this, "/apis/discovery.k8s.io/v1/endpointslices", slice_object_from_json),
      pods_(*this, "/api/v1/pods", pod_object_from_json),
      policies_kind_(*this, "/apis/networking.k8s.io/v1/networkpolicies", policy_or_wall),
      kinds_{&services_, &slices_, &pods_, &policies_kind_} {}

template <typename Value>
void ServiceStore::Kind<Value>::replace(const std::vector<json>& objects) {
  {
    std::lock_guard lock(store_.mutex_);
    values_.clear();
    for (const json& object : objects) values_.insert_or_assign(key_of(object), read_(object));
    listed = true;
    if (tell_) tell_(&values_);
  }
  store_.changed_();
}

template <typename Value>
bool ServiceStore::Kind<Value>::apply(const json& event) {
  const WatchEvent seen = watch_event(event);
  version_ = seen.version;  // empty: with a list
  if (seen.kind == WatchEvent::Kind::kEnd) {
    lost();
    return false;
  }
  if (seen.kind == WatchEvent::Kind::kBookmark) return true;
  {
    std::lock_guard lock(store_.mutex_);
    const json& object = event["object"];
    if (seen.kind == WatchEvent::Kind::kDrop)
      values_.erase(key_of(object));
    else
      values_.insert_or_assign(key_of(object), read_(object));
    if (tell_) tell_(&values_);
  }
  store_.changed_();
  return true;
}

// Whoever is told needs to know when it is all there again: only a list says that at once.
template <typename Value>
void ServiceStore::Kind<Value>::lost() {
  if (!tell_) return;
  version_.clear();
  tell_(nullptr);
}

template <typename Value>
std::vector<Value> ServiceStore::Kind<Value>::all() const {
  std::vector<Value> found;
  for (const auto& [key, value] : values_) found.push_back(value);
  return found;
}

std::optional<ServiceWorld> ServiceStore::world() const {
  std::lock_guard lock(mutex_);
  if (!services_.listed || !slices_.listed || !pods_.listed || (policies_ && !policies_kind_.listed))
    return std::nullopt;
  return ServiceWorld{services_.all(), slices_.all(), pods_.all(), policies_kind_.all()};
}

}  // namespace sublet::launcher
