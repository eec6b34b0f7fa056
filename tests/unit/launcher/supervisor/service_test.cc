// SPDX-License-Identifier: Apache-2.0
#include "launcher/supervisor/service.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sublet;
using namespace sublet::launcher;

namespace {

Service named(std::string name, std::vector<std::string> after = {}) {
  Service service;
  service.name = std::move(name);
  service.argv = {"/bin/true"};
  service.after = std::move(after);
  return service;
}

std::vector<std::string> names(const std::vector<Service>& services) {
  std::vector<std::string> list;
  for (const Service& service : services) list.push_back(service.name);
  return list;
}

}  // namespace

TEST_CASE("service: survives the way through JSON", "[supervisor]") {
  Service service = named("apiserver", {"etcd"});
  service.env = {"A=b", "C="};
  service.log_path = "/log";
  service.readiness = {Readiness::Kind::kTcp, "127.0.0.1", 6443, "/sock"};
  service.stop_grace = std::chrono::milliseconds(77);
  service.fake_ids_limit = 1;
  service.open_files = 5000;
  service.own_view = {{"/a", "/proc/b"}};
  auto back = service_from_json(to_json(service));
  REQUIRE(back);
  CHECK(to_json(*back) == to_json(service));
}

TEST_CASE("service: an error names the field", "[supervisor]") {
  for (const char* field :
       {"name", "argv", "env", "log_path", "after", "readiness", "stop_grace_ms", "fake_ids_limit"}) {
    auto json = to_json(named("a"));
    json.erase(field);
    auto result = service_from_json(json);
    REQUIRE_FALSE(result);
    CHECK_THAT(result.error().what, Catch::Contains(field));
  }
  auto json = to_json(named("a"));
  json["readiness"]["port"] = 70000;
  CHECK_FALSE(service_from_json(json));
  json = to_json(named("a"));
  json["argv"] = nlohmann::json::array();
  CHECK_FALSE(service_from_json(json));
  json["readiness"]["kind"] = "told";
  CHECK(service_from_json(json)->is_milestone());
  json = to_json(named("a"));
  json["readiness"]["kind"] = "prayer";
  CHECK_FALSE(service_from_json(json));
  CHECK_FALSE(service_from_json(nlohmann::json::array()));
}

TEST_CASE("service: start order puts each after what it needs", "[supervisor]") {
  auto ordered = in_start_order({named("kubelet", {"containerd", "apiserver"}), named("apiserver", {"etcd"}),
                                 named("etcd"), named("containerd")});
  REQUIRE(ordered);
  CHECK(names(*ordered) == std::vector<std::string>{"etcd", "apiserver", "containerd", "kubelet"});
}

TEST_CASE("service: bad orders are refused", "[supervisor]") {
  CHECK_THAT(in_start_order({named("a"), named("a")}).error().what, Catch::Contains("two services"));
  CHECK_THAT(in_start_order({named("a", {"b"})}).error().what, Catch::Contains("no service"));
  CHECK_THAT(in_start_order({named("a", {"b"}), named("b", {"a"})}).error().what, Catch::Contains("itself"));
}
