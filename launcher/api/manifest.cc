// SPDX-License-Identifier: Apache-2.0
#include "launcher/api/manifest.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

using nlohmann::json;

enum class Scope { kCluster, kNamespaced };

struct Kind {
  std::string_view api_version;
  std::string_view kind;
  std::string_view plural;
  Scope scope;
};

constexpr std::array kKinds = {
    Kind{"v1", "ConfigMap", "configmaps", Scope::kNamespaced},
    Kind{"v1", "Endpoints", "endpoints", Scope::kNamespaced},
    Kind{"v1", "Namespace", "namespaces", Scope::kCluster},
    Kind{"v1", "Node", "nodes", Scope::kCluster},
    Kind{"v1", "PersistentVolume", "persistentvolumes", Scope::kCluster},
    Kind{"v1", "PersistentVolumeClaim", "persistentvolumeclaims", Scope::kNamespaced},
    Kind{"v1", "Pod", "pods", Scope::kNamespaced},
    Kind{"v1", "Secret", "secrets", Scope::kNamespaced},
    Kind{"v1", "Service", "services", Scope::kNamespaced},
    Kind{"v1", "ServiceAccount", "serviceaccounts", Scope::kNamespaced},
    Kind{"apiregistration.k8s.io/v1", "APIService", "apiservices", Scope::kCluster},
    Kind{"apps/v1", "DaemonSet", "daemonsets", Scope::kNamespaced},
    Kind{"apps/v1", "Deployment", "deployments", Scope::kNamespaced},
    Kind{"apps/v1", "StatefulSet", "statefulsets", Scope::kNamespaced},
    Kind{"batch/v1", "CronJob", "cronjobs", Scope::kNamespaced},
    Kind{"batch/v1", "Job", "jobs", Scope::kNamespaced},
    Kind{"discovery.k8s.io/v1", "EndpointSlice", "endpointslices", Scope::kNamespaced},
    Kind{"networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", Scope::kNamespaced},
    Kind{"node.k8s.io/v1", "RuntimeClass", "runtimeclasses", Scope::kCluster},
    Kind{"rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", Scope::kCluster},
    Kind{"rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", Scope::kCluster},
    Kind{"rbac.authorization.k8s.io/v1", "Role", "roles", Scope::kNamespaced},
    Kind{"rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", Scope::kNamespaced},
    Kind{"scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", Scope::kCluster},
    Kind{"storage.k8s.io/v1", "CSIDriver", "csidrivers", Scope::kCluster},
    Kind{"storage.k8s.io/v1", "StorageClass", "storageclasses", Scope::kCluster},
};

std::string text_at(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const json& member(const json& object, const char* key) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found != object.end() ? *found : kNull;
}

// Names are path segments (RFC 1123, or RBAC's freer ones as system:node): nothing that would need escaping.
bool is_path_segment(const std::string& name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == ':' || c == '_';
  });
  return plain && !name.empty() && name != "." && name != "..";
}

}  // namespace

std::string object_label(const json& object) {
  const std::string space = text_at(member(object, "metadata"), "namespace");
  return text_at(object, "kind") + " " + (space.empty() ? "" : space + "/") +
         text_at(member(object, "metadata"), "name");
}

Result<std::string> object_path(const json& object) {
  const std::string version = text_at(object, "apiVersion");
  const std::string kind = text_at(object, "kind");
  const auto* known = std::ranges::find_if(
      kKinds, [&](const Kind& entry) { return entry.api_version == version && entry.kind == kind; });
  if (known == kKinds.end()) return fail("no path is known for apiVersion \"" + version + "\", kind \"" + kind + "\"");
  const std::string name = text_at(member(object, "metadata"), "name");
  std::string space = text_at(member(object, "metadata"), "namespace");
  if (space.empty()) space = "default";
  for (const std::string& part : {name, space})
    if (!is_path_segment(part)) return fail(kind + ": \"" + part + "\" is no name for an object");
  std::string path = version.find('/') == std::string::npos ? "/api/" : "/apis/";
  path += version;
  if (known->scope == Scope::kNamespaced) path += "/namespaces/" + space;
  return path + "/" + std::string(known->plural) + "/" + name;
}

Result<std::vector<json>> parse_manifests(std::string_view text) {
  json parsed = json::parse(text, nullptr, false);
  if (parsed.is_discarded()) return fail("the manifest is not JSON");
  if (parsed.is_object() && text_at(parsed, "kind").ends_with("List") && parsed.contains("items"))
    parsed = json(std::move(parsed["items"]));
  if (parsed.is_object()) return std::vector<json>{std::move(parsed)};
  if (!parsed.is_array()) return fail("the manifest is neither an object nor a list of them");
  std::vector<json> objects;
  for (json& object : parsed) {
    if (!object.is_object()) return fail("the manifest's list holds something that is no object");
    objects.push_back(std::move(object));
  }
  return objects;
}

}  // namespace sublet::launcher
