// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/store.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "launcher/api/watch.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

std::string text_in(const json& object, const char* outer, const char* inner) {
  if (!object.is_object() || !object.contains(outer) || !object[outer].is_object()) return "";
  const json& value = object[outer].value(inner, json());
  return value.is_string() ? value.get<std::string>() : "";
}

std::string key_of(const json& object) {
  return text_in(object, "metadata", "namespace") + "/" + text_in(object, "metadata", "name");
}

// One that cannot be understood isolates all pods of its namespace: better than none.
NetworkPolicy policy_or_wall(const json& object) {
  auto policy = policy_from_json(object);
  if (policy) return std::move(*policy);
  log::warning("NetworkPolicy {}: {}; it lets nothing through", key_of(object), policy.error().what);
  return {text_in(object, "metadata", "namespace"), text_in(object, "metadata", "name"), {}, {{}}, {{}}};
}

std::size_t index(PolicyKind kind) { return static_cast<std::size_t>(kind); }

}  // namespace

const char* path_of(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::kNamespaces: return "/api/v1/namespaces";
    case PolicyKind::kPods: return "/api/v1/pods";
    case PolicyKind::kPolicies: return "/apis/networking.k8s.io/v1/networkpolicies";
  }
  return "";
}

void PolicyStore::put(PolicyKind kind, const json& object) {
  const std::string key = key_of(object);
  switch (kind) {
    case PolicyKind::kNamespaces: namespaces_[text_in(object, "metadata", "name")] = labels_of(object); return;
    case PolicyKind::kPolicies: policies_[key] = policy_or_wall(object); return;
    case PolicyKind::kPods:
      if (auto pod = pod_from_json(object))
        pods_[key] = std::move(*pod);
      else
        log::warning("pod {}: {}", key, pod.error().what);
      return;
  }
}

void PolicyStore::drop(PolicyKind kind, const json& object) {
  const std::string key = key_of(object);
  switch (kind) {
    case PolicyKind::kNamespaces: namespaces_.erase(text_in(object, "metadata", "name")); return;
    case PolicyKind::kPolicies: policies_.erase(key); return;
    case PolicyKind::kPods: pods_.erase(key); return;
  }
}

void PolicyStore::replace(PolicyKind kind, const std::vector<json>& objects) {
  {
    std::lock_guard lock(mutex_);
    if (kind == PolicyKind::kNamespaces) namespaces_.clear();
    if (kind == PolicyKind::kPods) pods_.clear();
    if (kind == PolicyKind::kPolicies) policies_.clear();
    for (const json& object : objects) put(kind, object);
    listed_[index(kind)] = true;
  }
  changed_();
}

bool PolicyStore::apply(PolicyKind kind, const json& event) {
  const WatchEvent seen = watch_event(event);
  if (seen.kind == WatchEvent::Kind::kEnd) {
    set_version(kind, "");
    return false;
  }
  {
    std::lock_guard lock(mutex_);
    versions_[index(kind)] = seen.version;
    if (seen.kind == WatchEvent::Kind::kBookmark) return true;
    seen.kind == WatchEvent::Kind::kDrop ? drop(kind, event["object"]) : put(kind, event["object"]);
  }
  changed_();
  return true;
}

std::string PolicyStore::version(PolicyKind kind) const {
  std::lock_guard lock(mutex_);
  return versions_[index(kind)];
}

void PolicyStore::set_version(PolicyKind kind, const std::string& version) {
  std::lock_guard lock(mutex_);
  versions_[index(kind)] = version;
}

std::optional<PolicyWorld> PolicyStore::world() const {
  std::lock_guard lock(mutex_);
  for (const bool listed : listed_)
    if (!listed) return std::nullopt;
  PolicyWorld world;
  for (const auto& [key, policy] : policies_) world.policies.push_back(policy);
  for (const auto& [key, pod] : pods_) world.pods.push_back(pod);
  world.namespaces = namespaces_;
  return world;
}

}  // namespace sublet::launcher
