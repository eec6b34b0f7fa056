// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/store.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sublet;
using namespace sublet::launcher;
using nlohmann::json;

namespace {

json object(const char* name, const char* version) {
  return {{"metadata", {{"namespace", "n"}, {"name", name}, {"resourceVersion", version}}}};
}

json event(const char* type, const json& of) { return {{"type", type}, {"object", of}}; }

}  // namespace

TEST_CASE("service store: there is no world until each kind was listed, policies only where they count", "[services]") {
  for (const bool policies : {false, true}) {
    int changes = 0;
    ServiceStore store([&] { ++changes; }, policies);
    for (const ServiceKind kind : {ServiceKind::kServices, ServiceKind::kSlices, ServiceKind::kPods}) {
      CHECK_FALSE(store.world());
      store.watched(kind).replace({});
    }
    CHECK(store.world().has_value() == !policies);
    store.watched(ServiceKind::kPolicies).replace({});
    CHECK(store.world());
    CHECK(changes == 4);
  }
}

TEST_CASE("service store: events change it, and each is where a watch goes on", "[services]") {
  int changes = 0;
  ServiceStore store([&] { ++changes; }, false);
  Watched& services = store.watched(ServiceKind::kServices);
  store.watched(ServiceKind::kSlices).replace({});
  store.watched(ServiceKind::kPods).replace({});
  services.replace({object("a", "1"), object("b", "2")});
  services.set_version("7");
  changes = 0;
  CHECK(services.apply(event("ADDED", object("c", "8"))));
  CHECK(services.apply(event("DELETED", object("a", "9"))));
  CHECK(services.version() == "9");
  CHECK(services.apply(event("BOOKMARK", object("", "12"))));
  CHECK(services.version() == "12");
  CHECK(changes == 2);
  const auto world = store.world();
  REQUIRE(world);
  REQUIRE(world->services.size() == 2);
  CHECK(world->services[0].name == "b");
  CHECK(world->services[1].name == "c");
  CHECK_FALSE(services.apply(event("ERROR", {{"code", 410}})));
  CHECK(services.version().empty());
  CHECK_FALSE(services.apply(json("nonsense")));
  CHECK(store.world()->services.size() == 2);  // the last known state serves
}

TEST_CASE("service store: who answers names is told of all Services, and when they may be old", "[services]") {
  std::vector<std::string> told;
  ServiceStore store([] {}, false,
                     [&](const std::map<std::string, ServiceObject>* all) {
                       std::string names = all == nullptr ? "old" : "";
                       if (all != nullptr)
                         for (const auto& [key, service] : *all) names += key + " ";
                       told.push_back(names);
                     });
  Watched& services = store.watched(ServiceKind::kServices);
  services.replace({object("a", "1")});
  services.set_version("7");
  CHECK(services.apply(event("ADDED", object("b", "8"))));
  CHECK(services.apply(event("BOOKMARK", object("", "9"))));
  CHECK(services.apply(event("DELETED", object("a", "10"))));
  services.lost();
  CHECK(services.version().empty());  // a list tells at once that all is known again
  services.replace({object("c", "11")});
  CHECK_FALSE(services.apply(event("ERROR", {{"code", 410}})));
  store.watched(ServiceKind::kPods).replace({});
  store.watched(ServiceKind::kPods).lost();
  CHECK(told == std::vector<std::string>{"n/a ", "n/a n/b ", "n/b ", "old", "n/c ", "old"});
}

TEST_CASE("service store: a policy that cannot be read isolates its namespace", "[services]") {
  ServiceStore store([] {}, true);
  json bad = object("p", "1");
  bad["spec"] = {{"podSelector", 1}};
  store.watched(ServiceKind::kPolicies).replace({bad});
  for (const ServiceKind kind : {ServiceKind::kServices, ServiceKind::kSlices, ServiceKind::kPods})
    store.watched(kind).replace({});
  const auto world = store.world();
  REQUIRE(world);
  REQUIRE(world->policies.size() == 1);
  REQUIRE(world->policies[0].ingress.has_value());
  CHECK(world->policies[0].ingress->empty());  // no rule: nobody is let in
  CHECK(world->policies[0].ns == "n");
}
