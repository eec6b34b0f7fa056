// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/known_names.h"

#include <catch2/catch.hpp>

using namespace sublet::launcher;
using namespace std::string_literals;

TEST_CASE("known names: what the list of Services tells for certain, and what has to be asked", "[exec]") {
  const ServiceNames services("team/web 10.43.0.7\nteam/headless -\n");
  constexpr std::uint16_t kA = 1, kCname = 5, kSrv = 33, kAaaa = 28, kAny = 255;
  enum Known { kAsk, kNone, kEmpty, kAddress };
  struct {
    const char* name;
    std::uint16_t type;
    Known known;
  } const cases[] = {
      {"web.team.svc.cluster.local", kA, kAddress},
      {"web.team.svc.cluster.local", kAaaa, kEmpty},
      // Other records of it are the name server's to tell.
      {"web.team.svc.cluster.local", kCname, kAsk},
      {"web.team.svc.cluster.local", kSrv, kAsk},
      {"web.team.svc.cluster.local", kAny, kAsk},
      {"_http._tcp.web.team.svc.cluster.local", kSrv, kAsk},
      {"10-42-0-7.web.team.svc.cluster.local", kA, kAsk},
      {"headless.team.svc.cluster.local", kA, kAsk},
      {"headless.team.svc.cluster.local", kAaaa, kAsk},
      {"pod-0.headless.team.svc.cluster.local", kA, kAsk},
      // No such Service, so nothing below it either.
      {"db.team.svc.cluster.local", kA, kNone},
      {"db.team.svc.cluster.local", kSrv, kNone},
      {"pod-0.db.team.svc.cluster.local", kA, kNone},
      {"_http._tcp.db.team.svc.cluster.local", kSrv, kNone},
      {"web.other.svc.cluster.local", kA, kNone},
      {"www.example.org.svc.cluster.local", kA, kNone},
      // A namespace, pods, what else the domain has, and what is not below it.
      {"team.svc.cluster.local", kA, kAsk},
      {"nobody.svc.cluster.local", kA, kAsk},
      {"svc.cluster.local", kA, kAsk},
      {".svc.cluster.local", kA, kAsk},
      {"10-42-0-7.team.pod.cluster.local", kA, kAsk},
      {"dns-version.cluster.local", 16, kAsk},
      {"cluster.local", kA, kAsk},
      {"web.team.svc.cluster.example", kA, kAsk},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name, c.type);
    const auto answer = known_answer(services, c.name, "cluster.local", c.type, 1);
    REQUIRE(answer.has_value() == (c.known != kAsk));
    if (!answer) continue;
    CHECK(answer->code == (c.known == kNone ? DnsCode::kNoName : DnsCode::kOk));
    REQUIRE(answer->answers.size() == (c.known == kAddress ? 1 : 0));
    if (c.known != kAddress) continue;
    const DnsRecord& record = answer->answers.front();
    CHECK(record.owner == *wire_name(c.name));
    CHECK(record.type == kA);
    CHECK(record.dns_class == 1);
    CHECK(record.ttl == 5);
    CHECK(record.data == "\x0a\x2b\0\7"s);
  }
}

TEST_CASE("known names: of another class the list tells nothing", "[exec]") {
  const ServiceNames services("team/web 10.43.0.7\n");
  CHECK_FALSE(known_answer(services, "web.team.svc.cluster.local", "cluster.local", 1, 3));
  CHECK_FALSE(known_answer(services, "no.team.svc.cluster.local", "cluster.local", 1, 3));
}
