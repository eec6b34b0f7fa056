// SPDX-License-Identifier: Apache-2.0
// The API client against a small TLS server that asks for client certificates and answers as the API server would.
#include "launcher/api/client.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/support/api_server.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

TEST_CASE("client: calls carry method, path and body, over one kept connection", "[api]") {
  std::vector<std::string> seen;
  ApiServer server([&](const Request& request) {
    seen.push_back(request.method + " " + request.path + " " + request.body);
    return std::string("200 {\"n\":") + std::to_string(seen.size()) + "}";
  });
  auto client = *ApiClient::create(plan(server.port()));
  CHECK(client.get("/api/v1/nodes?limit=1")->at("n") == 1);
  CHECK(client.post("/x", {{"a", 1}})->at("n") == 2);
  CHECK(client.put("/x", {{"a", 2}})->at("n") == 3);
  CHECK(client.remove("/x")->at("n") == 4);
  CHECK(client.get("/y")->at("n") == 5);
  CHECK(seen == std::vector<std::string>{"GET /api/v1/nodes?limit=1 ", "POST /x {\"a\":1}", "PUT /x {\"a\":2}",
                                         "DELETE /x ", "GET /y "});
  CHECK(server.connections() == 1);
}

TEST_CASE("client: an answer that is not 2xx is an error with the API's words and a code", "[api]") {
  struct Row {
    std::string answer;
    int code;
    std::string text;
  };
  for (const Row& row :
       {Row{R"(404 {"kind":"Status","message":"pods \"x\" not found"})", ENOENT, "GET /x: 404: pods \"x\" not found"},
        Row{R"(409 {"message":"exists"})", EEXIST, "GET /x: 409: exists"},
        Row{"401 Unauthorized", EACCES, "GET /x: 401: Unauthorized"}, Row{"403 {}", EACCES, "GET /x: 403: {}"},
        Row{"429 slow down\n", EAGAIN, "GET /x: 429: slow down"}, Row{"503 ", EAGAIN, "GET /x: 503: "},
        Row{"422 {\"message\":3}", EINVAL, "GET /x: 422: {\"message\":3}"}, Row{"500 boom", EIO, "GET /x: 500: boom"},
        Row{"200 not json", EIO, "GET /x: the answer is not JSON"}}) {
    ApiServer server([&](const Request&) { return row.answer; });
    auto client = *ApiClient::create(plan(server.port()));
    const auto answer = client.get("/x");
    REQUIRE_FALSE(answer);
    CHECK(answer.error().what == row.text);
    CHECK(answer.error().is(row.code));
  }
}

TEST_CASE("client: follows an answer line by line, until it ends or a line is not liked", "[api]") {
  std::string answer = "200 {\"a\":1}\n{\"b\":2}\nrest without an end";
  ApiServer server([&](const Request&) { return answer; });
  auto client = *ApiClient::create(plan(server.port()));
  std::vector<std::string> seen;
  auto take = [&](std::string_view line) {
    seen.emplace_back(line);
    return line != "no";
  };
  CHECK(client.follow("/x?watch=true", 5s, take));
  CHECK(seen == std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"});
  answer = "200 yes\nno\nyes\n";
  seen.clear();
  CHECK_FALSE(client.follow("/x", 5s, take));
  CHECK(seen == std::vector<std::string>{"yes", "no"});
  answer = "410 {\"message\":\"too old\"}\n";
  seen.clear();
  const auto gone = client.follow("/x", 5s, take);
  REQUIRE_FALSE(gone);
  CHECK(gone.error().what == "GET /x: 410: too old");
  CHECK(seen.empty());
  answer = "200 " + std::string(5 << 20, 'x') + "\n";
  CHECK_FALSE(client.follow("/x", 5s, take));
  // And it is as good as before.
  answer = "200 {\"n\":1}";
  CHECK(client.get("/y")->at("n") == 1);
}

TEST_CASE("client: neither side talks to a stranger", "[api]") {
  ApiServer server([](const Request&) { return "200 {}"; });
  const auto strange = *CertificateAuthority::create("kubernetes", 1h);
  SECTION("the server knows no such client") {
    auto client = *ApiClient::create(plan(server.port(), *strange.issue({.cn = "sublet", .client = true}, 1h)));
    CHECK_FALSE(client.get("/x"));
  }
  SECTION("a client without a certificate") {
    ClientPlan nobody = plan(server.port());
    nobody.cert_pem = nobody.key_pem = "";
    auto client = *ApiClient::create(nobody);
    CHECK_FALSE(client.get("/x"));
  }
  SECTION("the client trusts another authority") {
    ClientPlan other = plan(server.port());
    other.ca_pem = strange.pem().cert_pem;
    auto client = *ApiClient::create(other);
    const auto answer = client.get("/x");
    REQUIRE_FALSE(answer);
    CHECK_THAT(answer.error().what, Catch::Contains("certificate"));
  }
}

TEST_CASE("client: sockets come from where the plan says; none is told", "[api]") {
  ApiServer server([](const Request&) { return "200 {}"; });
  int given = 0;
  ClientPlan from_source = plan(server.port());
  from_source.socket = [&]() -> Result<UniqueFd> {
    ++given;
    return sys::socket(AF_INET, SOCK_STREAM);
  };
  auto client = *ApiClient::create(std::move(from_source));
  CHECK(client.get("/x"));
  CHECK(client.get("/y"));
  CHECK(given == 1);
  ClientPlan none = plan(server.port());
  none.socket = []() -> Result<UniqueFd> { return fail("node-init is gone", "look at its log"); };
  auto lost = *ApiClient::create(std::move(none));
  const auto answer = lost.get("/x");
  REQUIRE_FALSE(answer);
  CHECK(answer.error().what == "GET /x: a socket in the cluster's network: node-init is gone");
  CHECK(answer.error().hint == "look at its log");
}

TEST_CASE("client: the user's proxy is not asked", "[api]") {
  ApiServer server([](const Request&) { return "200 {}"; });
  REQUIRE(::setenv("https_proxy", "http://127.0.0.1:1", 1) == 0);
  auto client = *ApiClient::create(plan(server.port()));
  CHECK(client.get("/x"));
  ::unsetenv("https_proxy");
}

TEST_CASE("client: a server that does not answer is left at the deadline", "[api]") {
  test::Server silent([](int fd) { (void)test::receive(fd, 1U << 20); });
  ClientPlan brief = plan(silent.port());
  brief.timeout = 200ms;
  auto client = *ApiClient::create(std::move(brief));
  const auto start = std::chrono::steady_clock::now();
  const auto answer = client.get("/x");
  REQUIRE_FALSE(answer);
  CHECK(answer.error().is(ETIMEDOUT));
  CHECK(std::chrono::steady_clock::now() - start < 2s);
}

TEST_CASE("client: a connection that the server dropped is made anew", "[api]") {
  int calls = 0;
  ApiServer server([&](const Request&) { return ++calls == 2 ? std::string() : std::string("200 {}"); });
  auto client = *ApiClient::create(plan(server.port()));
  CHECK(client.get("/x"));
  CHECK(client.get("/y"));  // curl tries a kept connection that was closed once more
  CHECK(server.connections() == 2);
}

TEST_CASE("client: ready after refusal, errors and a half-ready server", "[api]") {
  std::atomic<int> looks{0};
  std::uint16_t port = 0;
  {
    ApiServer gone([](const Request&) { return "200 ok"; });
    port = gone.port();
  }
  auto nobody = *ApiClient::create(plan(port));
  CHECK_FALSE(nobody.is_ready());
  const auto late = nobody.wait_ready(150ms);
  REQUIRE_FALSE(late);
  CHECK(late.error().exit == ExitCode::kNotReady);
  CHECK_THAT(late.error().what, Catch::Contains("refused") || Catch::Contains("connect"));

  ApiServer server([&](const Request& request) {
    CHECK(request.path == "/readyz");
    return ++looks < 4 ? "500 [-]etcd failed" : "200 ok";
  });
  auto client = *ApiClient::create(plan(server.port()));
  const auto start = std::chrono::steady_clock::now();
  CHECK(client.wait_ready(10s));
  CHECK(looks == 4);
  CHECK(std::chrono::steady_clock::now() - start < 1s);
  looks = -1'000'000;
  const auto never = client.wait_ready(100ms);
  REQUIRE_FALSE(never);
  CHECK_THAT(never.error().what, Catch::Contains("500: [-]etcd failed"));
  const auto stopped = client.wait_ready(10s, [] { return Result<void>(fail("kube-apiserver has died")); });
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().what == "kube-apiserver has died");
}

TEST_CASE("client: waits until an object is as wanted", "[api]") {
  int looks = 0;
  ApiServer server([&](const Request&) {
    ++looks;
    return looks < 3 ? "404 {\"message\":\"not found\"}" : looks < 5 ? "200 {\"ready\":false}" : "200 {\"ready\":true}";
  });
  auto client = *ApiClient::create(plan(server.port()));
  const auto ready = [](const json& object) { return object["ready"] == true; };
  CHECK(client.wait_until("node n to be Ready", "/api/v1/nodes/n", ready, 5s));
  CHECK(looks == 5);
  const auto never = client.wait_until(
      "pigs to fly", "/pigs", [](const json&) { return false; }, 100ms);
  REQUIRE_FALSE(never);
  CHECK_THAT(never.error().what, Catch::Contains("pigs to fly"));
}

TEST_CASE("client: applies objects in order, patiently where a starting server asks for it", "[api]") {
  std::vector<std::string> applied;
  int refusals = 0;
  int addresses = 0;
  ApiServer server([&](const Request& request) -> std::string {
    CHECK_THAT(request.head, Catch::Contains("application/apply-patch+yaml"));
    if (applied.size() == 1 && ++refusals <= 2) return "404 {\"message\":\"namespaces \\\"kube-system\\\" not found\"}";
    if (request.path.find("bad") != std::string::npos) return "422 {\"message\":\"invalid\"}";
    if (request.path.find("services/s") != std::string::npos && ++addresses <= 2)
      return R"(422 {"message":"spec.clusterIPs: failed to allocate IP 10.43.0.10: not the current range"})";
    applied.push_back(request.method + " " + request.path);
    return "200 {}";
  });
  auto client = *ApiClient::create(plan(server.port()));
  const std::string tail = "?fieldManager=sublet&force=true";
  CHECK(client.apply_all(R"({"kind":"List","items":[
      {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}},
      {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","namespace":"kube-system"}}]})",
                         5s));
  CHECK(applied == std::vector<std::string>{"PATCH /api/v1/namespaces/a" + tail,
                                            "PATCH /api/v1/namespaces/kube-system/configmaps/b" + tail});
  CHECK(refusals == 3);
  CHECK(client.apply_all(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"s"}})", 5s));
  CHECK(addresses == 3);
  const auto bad = client.apply_all(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bad"}})", 5s);
  REQUIRE_FALSE(bad);
  CHECK_THAT(bad.error().what, Catch::StartsWith("applying ConfigMap bad: PATCH") && Catch::Contains("422: invalid"));
}

}  // namespace
}  // namespace sublet::launcher
