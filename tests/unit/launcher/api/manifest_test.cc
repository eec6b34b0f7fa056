// SPDX-License-Identifier: Apache-2.0
#include "launcher/api/manifest.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

using nlohmann::json;

json object(const std::string& version, const std::string& kind, const std::string& name,
            const std::string& space = {}) {
  json made = {{"apiVersion", version}, {"kind", kind}, {"metadata", {{"name", name}}}};
  if (!space.empty()) made["metadata"]["namespace"] = space;
  return made;
}

TEST_CASE("manifest: paths by kind and scope", "[api]") {
  struct Row {
    json object;
    std::string path;
  };
  const std::string rbac = "rbac.authorization.k8s.io/v1";
  const std::vector<Row> rows = {
      {object("v1", "Namespace", "n"), "/api/v1/namespaces/n"},
      {object("v1", "ConfigMap", "c", "kube-system"), "/api/v1/namespaces/kube-system/configmaps/c"},
      {object("v1", "Service", "s"), "/api/v1/namespaces/default/services/s"},
      {object("v1", "Endpoints", "e", "x"), "/api/v1/namespaces/x/endpoints/e"},
      {object("discovery.k8s.io/v1", "EndpointSlice", "e", "x"),
       "/apis/discovery.k8s.io/v1/namespaces/x/endpointslices/e"},
      {object("apps/v1", "Deployment", "d", "x"), "/apis/apps/v1/namespaces/x/deployments/d"},
      {object("storage.k8s.io/v1", "StorageClass", "local"), "/apis/storage.k8s.io/v1/storageclasses/local"},
      {object("node.k8s.io/v1", "RuntimeClass", "r"), "/apis/node.k8s.io/v1/runtimeclasses/r"},
      {object(rbac, "ClusterRole", "system:coredns"), "/apis/" + rbac + "/clusterroles/system:coredns"},
      {object(rbac, "RoleBinding", "b", "x"), "/apis/" + rbac + "/namespaces/x/rolebindings/b"},
      // A namespace on what has none is not part of its path.
      {object(rbac, "ClusterRoleBinding", "b", "x"), "/apis/" + rbac + "/clusterrolebindings/b"},
  };
  for (const Row& row : rows) {
    const auto path = object_path(row.object);
    REQUIRE(path);
    CHECK(*path == row.path);
  }
}

TEST_CASE("manifest: unknown kinds and impossible names are errors", "[api]") {
  const std::vector<json> rows = {object("v2", "ConfigMap", "c"),
                                  object("v1", "Deployment", "d"),
                                  object("v1", "ConfigMap", ""),
                                  object("v1", "ConfigMap", "../secrets/x"),
                                  object("v1", "ConfigMap", ".."),
                                  object("v1", "ConfigMap", "a?b"),
                                  object("v1", "ConfigMap", "c", "a/b"),
                                  json("text"),
                                  json::object(),
                                  json{{"apiVersion", 1}, {"kind", {}}, {"metadata", 3}}};
  for (const json& row : rows) {
    CAPTURE(row.dump());
    CHECK_FALSE(object_path(row));
  }
}

TEST_CASE("manifest: one object, an array, a List", "[api]") {
  CHECK(parse_manifests(R"({"kind":"ConfigMap"})")->size() == 1);
  CHECK(parse_manifests(R"([{"kind":"A"},{"kind":"B"}])")->size() == 2);
  CHECK(parse_manifests(R"({"kind":"List","items":[{"kind":"A"},{"kind":"B"},{"kind":"C"}]})")->at(2)["kind"] == "C");
  CHECK(parse_manifests("[]")->empty());
  for (const char* bad : {"", "{", "3", "\"x\"", "[1]", R"({"kind":"List","items":3})"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_manifests(bad));
  }
}

TEST_CASE("manifest: labels", "[api]") {
  CHECK(object_label(object("v1", "ConfigMap", "c", "kube-system")) == "ConfigMap kube-system/c");
  CHECK(object_label(object("v1", "Node", "n")) == "Node n");
}

}  // namespace
}  // namespace sublet::launcher
