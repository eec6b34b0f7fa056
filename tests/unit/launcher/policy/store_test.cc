// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/store.h"

#include "tests/unit/launcher/policy/samples.h"

using namespace sublet;
using namespace sublet::launcher;
using nlohmann::json;

namespace {

json pod(const char* name, const char* version) {
  return {{"metadata", {{"namespace", "n"}, {"name", name}, {"uid", name}, {"resourceVersion", version}}},
          {"spec", json::object()}};
}

json event(const char* type, json object) { return {{"type", type}, {"object", std::move(object)}}; }

void list_rest(PolicyStore& store) {
  store.replace(PolicyKind::kNamespaces, {});
  store.replace(PolicyKind::kPolicies, {});
}

}  // namespace

TEST_CASE("store: there is no world until all kinds have been listed", "[policy]") {
  PolicyStore store([] {});
  store.replace(PolicyKind::kPods, {});
  store.replace(PolicyKind::kNamespaces, {});
  CHECK_FALSE(store.world());
  store.replace(PolicyKind::kPolicies, {});
  CHECK(store.world());
}

TEST_CASE("store: events change it, and move the version on", "[policy]") {
  int changes = 0;
  PolicyStore store([&] { ++changes; });
  list_rest(store);
  store.replace(PolicyKind::kPods, {pod("a", "1")});
  CHECK(store.apply(PolicyKind::kPods, event("ADDED", pod("b", "2"))));
  CHECK(store.apply(PolicyKind::kPods, event("DELETED", pod("a", "3"))));
  CHECK(changes == 5);
  CHECK(store.apply(PolicyKind::kPods, event("BOOKMARK", {{"metadata", {{"resourceVersion", "9"}}}})));
  CHECK(changes == 5);
  CHECK(store.version(PolicyKind::kPods) == "9");
  REQUIRE(store.world()->pods.size() == 1);
  CHECK(store.world()->pods[0].name == "b");
  store.replace(PolicyKind::kPods, {});
  CHECK(store.world()->pods.empty());
}

TEST_CASE("store: after what is no event, it asks for a list", "[policy]") {
  for (const json& bad : {json(), json("text"), event("ERROR", {{"code", 410}}), event("ADDED", json::object())}) {
    PolicyStore store([] {});
    store.set_version(PolicyKind::kPods, "5");
    CHECK_FALSE(store.apply(PolicyKind::kPods, bad));
    CHECK(store.version(PolicyKind::kPods).empty());
  }
}

TEST_CASE("store: a policy that nobody understands is a wall", "[policy]") {
  PolicyStore store([] {});
  list_rest(store);
  store.replace(PolicyKind::kPods, {});
  store.replace(PolicyKind::kPolicies,
                {{{"metadata", {{"namespace", "n"}, {"name", "odd"}}}, {"spec", {{"podSelector", "what"}}}}});
  const NetworkPolicy wall = store.world()->policies.at(0);
  CHECK(wall.pods.selects({}));
  CHECK((wall.ingress && wall.ingress->empty() && wall.egress && wall.egress->empty()));
}
