// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/expose.h"

#include <catch2/catch.hpp>

using namespace sublet;
using namespace sublet::launcher;

TEST_CASE("expose: the word for a Service", "[services]") {
  const struct {
    const char* word;
    const char* name;
    const char* port;
  } good[] = {{"svc/redis", "redis", ""},
              {"service/redis:6379", "redis", "6379"},
              {"services/a-b:http", "a-b", "http"},
              {"redis", "redis", ""},
              {"redis:1", "redis", "1"}};
  for (const auto& c : good) {
    const auto found = parse_service_name(c.word);
    INFO(c.word);
    REQUIRE(found);
    CHECK(found->name == c.name);
    CHECK(found->port == c.port);
  }
  for (const char* word : {"", "svc/", "pod/redis", "deployment/redis", "svc/redis:", "svc/Redis", "svc/a/b", "svc/-a",
                           "svc/a..b", "svc/redis:6379:1"}) {
    INFO(word);
    const auto found = parse_service_name(word);
    REQUIRE_FALSE(found);
    CHECK(found.error().exit == ExitCode::kUsage);
  }
}

TEST_CASE("expose: which port is meant, or why none", "[services]") {
  ServiceObject redis{.ns = "n", .name = "redis", .type = "ClusterIP"};
  redis.ports = {{"", Protocol::kTcp, 6379}};
  ServiceObject dns{.ns = "n", .name = "dns", .type = "ClusterIP"};
  dns.ports = {{"dns", Protocol::kUdp, 53}, {"dns-tcp", Protocol::kTcp, 53}};
  ServiceObject web{.ns = "n", .name = "web", .type = "ClusterIP"};
  web.ports = {{"http", Protocol::kTcp, 80}, {"admin", Protocol::kTcp, 8080}};
  ServiceObject udp{.ns = "n", .name = "udp", .type = "ClusterIP"};
  udp.ports = {{"", Protocol::kUdp, 514}};
  const ServiceObject bare{.ns = "n", .name = "bare", .type = "ClusterIP"};
  const ServiceObject name{.ns = "n", .name = "name", .type = "ExternalName", .external_name = "db.example.org"};
  const struct {
    const ServiceObject& service;
    const char* wanted;
    std::uint16_t port;
    const char* why;
  } cases[] = {
      {redis, "", 6379, ""},
      {redis, "6379", 6379, ""},
      {redis, "80", 0, "has no port 80"},
      {redis, "http", 0, "has no port http"},
      {dns, "", 53, ""},  // the other one is no TCP
      {dns, "53", 53, ""},
      {dns, "dns", 0, "is not TCP"},
      {web, "", 0, "has several ports"},
      {web, "admin", 8080, ""},
      {web, "80", 80, ""},
      {udp, "", 0, "is not TCP"},
      {bare, "", 0, "has no port"},
      {name, "", 0, "db.example.org"},
      {name, "80", 0, "db.example.org"},
  };
  for (const auto& c : cases) {
    INFO(c.service.name << ":" << c.wanted);
    const auto port = choose_port(c.service, c.wanted);
    REQUIRE(port.has_value() == (c.port != 0));
    if (port) CHECK(port->port == c.port);
    if (port) CHECK(port->protocol == Protocol::kTcp);
    if (!port) CHECK(port.error().what.find(c.why) != std::string::npos);
  }
  CHECK(choose_port(web, "").error().hint.find("http (80), admin (8080)") != std::string::npos);
}

TEST_CASE("expose: a request comes out of JSON as it went in, and nothing else does", "[services]") {
  const ExposeRequest request{"expose", "lab", {"redis", "6379"}, 40123, true};
  const auto back = expose_request_from_json(to_json(request));
  REQUIRE(back);
  CHECK(to_json(*back) == to_json(request));
  for (const char* text :
       {"", "[]", R"({"wanted": 65536})", R"({"wanted": -1})", R"({"namespace": 1})", R"({"x": ""})"})
    CHECK_FALSE(expose_request_from_json(text));
}
