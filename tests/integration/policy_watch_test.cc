// SPDX-License-Identifier: Apache-2.0
// List and watch against a small server that answers as the API server would.
#include "launcher/policy/watch.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "launcher/api/watch.h"
#include "tests/support/api_server.h"

using namespace sublet;
using namespace sublet::launcher;
using nlohmann::json;

namespace {

json pod(const std::string& name, const char* version) {
  return {{"metadata", {{"namespace", "n"}, {"name", name}, {"uid", name}, {"resourceVersion", version}}},
          {"spec", json::object()}};
}

std::string page(std::vector<json> items, const char* version, const char* next) {
  return "200 " +
         json{{"metadata", {{"resourceVersion", version}, {"continue", next}}}, {"items", std::move(items)}}.dump();
}

std::string names(const PolicyStore& store) {
  std::string all;
  for (const PolicyPod& each : store.world()->pods) all += each.name + " ";
  return all;
}

}  // namespace

TEST_CASE("watch: pages are put together, and the watch goes on from there", "[policy]") {
  std::vector<std::string> asked;
  std::vector<std::string> answers = {
      page({pod("a", "1"), pod("b", "2")}, "7", "more"),
      page({pod("c", "3")}, "7", ""),
      "200 " + json{{"type", "ADDED"}, {"object", pod("d", "8")}}.dump() + "\n" +
          json{{"type", "DELETED"}, {"object", pod("a", "9")}}.dump() + "\n",
      "200 ",
      "200 " + json{{"type", "ERROR"}, {"object", {{"code", 410}}}}.dump() + "\n",
      page({pod("e", "20")}, "21", ""),
      "503 away",
  };
  std::size_t next = 0;
  ApiServer server([&](const Request& request) {
    asked.push_back(request.path);
    return answers.at(next++);
  });
  PolicyStore store([] {});
  store.replace(PolicyKind::kNamespaces, {});
  store.replace(PolicyKind::kPolicies, {});
  auto client = *ApiClient::create(plan(server.port()));
  CHECK(follow_once(client, PolicyKind::kPods, store));
  CHECK(names(store) == "b c d ");
  CHECK(follow_once(client, PolicyKind::kPods, store));        // ended by the server: nothing has happened
  CHECK_FALSE(follow_once(client, PolicyKind::kPods, store));  // too old a version
  CHECK(names(store) == "b c d ");                             // until it is listed anew
  CHECK_FALSE(follow_once(client, PolicyKind::kPods, store));  // listed, and then the server is away
  CHECK(names(store) == "e ");
  CHECK(store.version(PolicyKind::kPods) == "21");
  REQUIRE(asked.size() == 7);
  CHECK(asked[0] == "/api/v1/pods?limit=250");
  CHECK(asked[1] == "/api/v1/pods?limit=250&continue=more");
  for (const std::size_t watch : {2, 3, 4, 6}) CHECK(asked[watch].starts_with("/api/v1/pods?watch=true&"));
  CHECK(asked[2].ends_with("resourceVersion=7"));
  CHECK(asked[3].ends_with("resourceVersion=9"));
  CHECK(asked[5] == "/api/v1/pods?limit=250");
  CHECK(asked[6].ends_with("resourceVersion=21"));
}

TEST_CASE("watch: a server that is away is no reason to forget where we were", "[policy]") {
  std::vector<std::string> answers = {page({}, "5", ""), "503 away", "410 {\"message\":\"gone\"}"};
  std::size_t next = 0;
  ApiServer server([&](const Request&) { return answers.at(next++); });
  PolicyStore store([] {});
  auto client = *ApiClient::create(plan(server.port()));
  CHECK_FALSE(follow_once(client, PolicyKind::kPolicies, store));
  CHECK(store.version(PolicyKind::kPolicies) == "5");
  CHECK_FALSE(follow_once(client, PolicyKind::kPolicies, store));
  CHECK(store.version(PolicyKind::kPolicies).empty());
}
