// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/dns_message.h"

#include <catch2/catch.hpp>
#include <random>

using namespace sublet::launcher;

namespace {

using namespace std::string_literals;

constexpr std::uint16_t kA = 1;
constexpr std::uint16_t kCname = 5;
constexpr std::uint16_t kSrv = 33;

std::string be16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)}; }
std::string header(unsigned id, unsigned flags, unsigned qd, unsigned an, unsigned ns, unsigned ar) {
  return be16(id) + be16(flags) + be16(qd) + be16(an) + be16(ns) + be16(ar);
}
std::string name(std::string_view text) { return *wire_name(text); }
std::string question(std::string_view text, unsigned type = kA) { return name(text) + be16(type) + be16(1); }
std::string record(const std::string& owner, unsigned type, const std::string& data) {
  return owner + be16(type) + be16(1) + be16(0) + be16(30) + be16(static_cast<unsigned>(data.size())) + data;
}
const std::string kPointer = "\xc0\x0c"s;

}  // namespace

TEST_CASE("dns: a question is understood, with its case kept and EDNS heeded", "[exec]") {
  const std::string opt = "\0"s + be16(41) + be16(1232) + be16(0) + be16(0) + be16(0);
  const auto plain = parse_question(header(7, 0x0100, 1, 0, 0, 0) + question("Web.Team"));
  REQUIRE(plain);
  CHECK(plain->id == 7);
  CHECK(plain->name == "web.team");
  CHECK(plain->raw == question("Web.Team"));
  CHECK(plain->answer_limit == 512);
  const auto edns = parse_question(header(7, 0x0100, 1, 0, 0, 1) + question("web") + opt);
  REQUIRE(edns);
  CHECK(edns->edns);
  CHECK(edns->answer_limit == 1232);
}

TEST_CASE("dns: what is no question", "[exec]") {
  CHECK_FALSE(parse_question(""));
  CHECK_FALSE(parse_question(header(1, 0x8100, 1, 0, 0, 0) + question("web")));  // an answer
  CHECK_FALSE(parse_question(header(1, 0x2800, 1, 0, 0, 0) + question("web")));  // an update
  CHECK_FALSE(parse_question(header(1, 0x0100, 2, 0, 0, 0) + question("web")));
  CHECK_FALSE(parse_question(header(1, 0x0100, 1, 0, 0, 0) + "\xc0\x0c"s + be16(1) + be16(1)));  // itself
  CHECK_FALSE(parse_question(header(1, 0x0100, 1, 0, 0, 1) + question("web")));
  // A label that is no text is passed on, but no name of the cluster's.
  const auto odd = parse_question(header(1, 0x0100, 1, 0, 0, 0) + "\3a.b\0"s + be16(1) + be16(1));
  REQUIRE(odd);
  CHECK(odd->name.empty());
}

TEST_CASE("dns: an answer becomes the one to another name", "[exec]") {
  const std::string asked = "web.team.svc.cluster.local";
  const auto from =
      parse_answer(header(99, 0x8580, 1, 1, 0, 0) + question(asked) + record(kPointer, kA, "\x0a\x2b\0\7"s));
  REQUIRE(from);
  const auto client = parse_question(header(7, 0x0100, 1, 0, 0, 0) + question("Web.team"));
  const std::string made = make_answer(*client, *from, name(asked));
  CHECK(made == header(7, 0x8180, 1, 1, 0, 0) + question("Web.team") + record(kPointer, kA, "\x0a\x2b\0\7"s));
  CHECK(answers_question(made, 7, client->raw));
  CHECK_FALSE(answers_question(made, 8, client->raw));
  CHECK_FALSE(answers_question(made, 7, question("other")));
}

TEST_CASE("dns: names inside of records are written out", "[exec]") {
  const std::string asked = "ext.team.svc.cluster.local";
  // "www" in front of what stands at "cluster.local" in the question: 12 + 1+3 + 1+4 + 1+3.
  const std::string target = "\3www\xc0\x19"s;
  const auto from = parse_answer(header(1, 0x8180, 1, 2, 0, 0) + question(asked) + record(kPointer, kCname, target) +
                                 record("\xc0\x38"s, kSrv, "\0\0\0\0\x1f\x90\xc0\x0c"s));
  REQUIRE(from);
  REQUIRE(from->answers.size() == 2);
  CHECK(from->answers[0].owner == name(asked));
  CHECK(from->answers[0].data == name("www.cluster.local"));
  CHECK(from->answers[1].owner == name("www.cluster.local"));
  CHECK(from->answers[1].data == "\0\0\0\0\x1f\x90"s + name(asked));
}

TEST_CASE("dns: an answer too long for who asks says so", "[exec]") {
  DnsAnswer from;
  for (int i = 0; i < 40; ++i) from.answers.push_back({name("web"), kA, 1, 5, "\x0a\x2a\0\1"s});
  auto client = *parse_question(header(7, 0x0100, 1, 0, 0, 0) + question("web"));
  constexpr std::size_t kRoom = (512 - 12 - 9) / 16;
  auto part = make_answer(client, from, name("web"));
  CHECK(part.size() <= 512);
  REQUIRE(parse_answer(part));
  CHECK(parse_answer(part)->answers.size() == kRoom);
  CHECK(parse_answer(part)->flags == 0x8180);
  from.flags = 0x8380;  // the cluster's server had no room for all
  CHECK(make_answer(client, from, name("web")) == part);
  from.flags = 0;
  DnsAnswer ports = from;
  for (DnsRecord& each : ports.answers) each = {name("web"), kSrv, 1, 5, be16(0) + be16(1) + be16(80) + name("a")};
  CHECK(make_answer(client, ports, name("web")) == header(7, 0x8380, 1, 0, 0, 0) + question("web"));
  client.edns = true;
  client.answer_limit = 1232;
  const auto whole = parse_answer(make_answer(client, from, name("web")));
  REQUIRE(whole);
  CHECK(whole->answers.size() == 40);
}

TEST_CASE("dns: names that are too long are not made", "[exec]") {
  CHECK(wire_name(std::string(63, 'a')));
  CHECK_FALSE(wire_name(std::string(64, 'a')));
  CHECK_FALSE(wire_name("a..b"));
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "a.";
  longest.pop_back();
  CHECK(wire_name(longest));
  CHECK_FALSE(wire_name("a." + longest));
}

TEST_CASE("dns: a circle of pointers ends", "[exec]") {
  CHECK_FALSE(parse_answer(header(1, 0x8180, 1, 0, 0, 0) + "\xc0\x0e\xc0\x0c"s + be16(1) + be16(1)));
  CHECK_FALSE(parse_answer(header(1, 0x8180, 1, 0, 0, 0) + "\1a\xc0\x0c"s + be16(1) + be16(1)));
}

TEST_CASE("dns: any bytes may come", "[exec]") {
  std::mt19937 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
  const std::string asked = "web.team.svc.cluster.local";
  const std::string good = header(7, 0x8180, 1, 2, 1, 0) + question(asked) +
                           record(kPointer, kCname, "\3www\xc0\x19"s) +
                           record(kPointer, kSrv, "\0\0\0\0\x1f\x90\xc0\x0c"s) +
                           record(kPointer, 6, "\xc0\x0c\xc0\x0c"s + std::string(20, 'x'));
  REQUIRE(parse_answer(good));
  std::size_t understood = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string message = good;
    if (i % 3 == 0) message.resize(random() % (good.size() + 1));
    for (unsigned changes = random() % 8; changes > 0 && !message.empty(); --changes)
      message[random() % message.size()] = static_cast<char>(random());
    if (i % 5 == 0)
      for (char& c : message) c = static_cast<char>(random());
    if (auto client = parse_question(message); client) ++understood;
    const auto answer = parse_answer(message);
    if (!answer) continue;
    ++understood;
    const auto client = parse_question(header(7, 0x0100, 1, 0, 0, 0) + question("web"));
    CHECK(make_answer(*client, *answer, name(asked)).size() <= 512);
  }
  CHECK(understood > 1000);
}

TEST_CASE("dns: how long an answer is good", "[exec]") {
  const auto lived = [](const std::string& owner, unsigned type, std::uint32_t ttl, const std::string& data) {
    return owner + be16(type) + be16(1) + be16(ttl >> 16U) + be16(ttl & 0xffffU) +
           be16(static_cast<unsigned>(data.size())) + data;
  };
  const std::string address = "\x0a\x2b\0\7"s;
  constexpr unsigned kSoa = 6;
  const std::string zone = name("ns") + name("mail") + be16(0) + be16(1) + be16(0) + be16(7) + be16(0) + be16(8) +
                           be16(0) + be16(9) + be16(0) + be16(5);
  const std::string opt = "\0"s + be16(41) + be16(1232) + be16(0) + be16(0) + be16(0);
  const std::string failed_opt = "\0"s + be16(41) + be16(1232) + be16(0x0100) + be16(0) + be16(0);
  const struct {
    const char* what;
    std::string message;
    std::uint32_t seconds;
  } cases[] = {
      {"one record", header(1, 0x8180, 1, 1, 0, 0) + question("web") + lived(kPointer, kA, 300, address), 300},
      {"the shortest, in any section",
       header(1, 0x8180, 1, 1, 1, 1) + question("web") + lived(kPointer, kA, 300, address) +
           lived(kPointer, 2, 200, name("ns")) + lived(name("ns"), kA, 100, address),
       100},
      {"EDNS has no time", header(1, 0x8180, 1, 1, 0, 1) + question("web") + lived(kPointer, kA, 70000, address) + opt,
       70000},
      {"an extended code",
       header(1, 0x8180, 1, 1, 0, 1) + question("web") + lived(kPointer, kA, 7, address) + failed_opt, 0},
      {"no such name", header(1, 0x8183, 1, 0, 1, 0) + question("web") + lived(name("org"), kSoa, 900, zone), 5},
      {"no such name, of a short-lived zone",
       header(1, 0x8183, 1, 0, 1, 0) + question("web") + lived(name("org"), kSoa, 3, zone), 3},
      {"no such record", header(1, 0x8180, 1, 0, 1, 0) + question("web") + lived(name("org"), kSoa, 900, zone), 5},
      {"no such name, and no zone", header(1, 0x8183, 1, 0, 0, 0) + question("web"), 0},
      {"no such record, and no zone", header(1, 0x8180, 1, 0, 0, 0) + question("web"), 0},
      {"another name for nothing, and no zone",
       header(1, 0x8183, 1, 1, 0, 0) + question("web") + lived(kPointer, kCname, 60, name("x")), 0},
      {"not at all", header(1, 0x8180, 1, 1, 0, 0) + question("web") + lived(kPointer, kA, 0, address), 0},
      {"a number of no meaning",
       header(1, 0x8180, 1, 1, 0, 0) + question("web") + lived(kPointer, kA, 0x80000001U, address), 0},
      {"a failure", header(1, 0x8182, 1, 1, 0, 0) + question("web") + lived(kPointer, kA, 300, address), 0},
      {"cut short", header(1, 0x8380, 1, 1, 0, 0) + question("web") + lived(kPointer, kA, 300, address), 0},
      {"fewer records than it says",
       header(1, 0x8180, 1, 2, 0, 0) + question("web") + lived(kPointer, kA, 300, address), 0},
      {"nothing", "", 0},
  };
  for (const auto& each : cases) {
    CAPTURE(each.what);
    CHECK(good_for(each.message) == each.seconds);
  }
}

TEST_CASE("dns: an answer of some time ago", "[exec]") {
  const std::string opt = "\0"s + be16(41) + be16(1232) + be16(0) + be16(0) + be16(0);
  const std::string message = header(1, 0x8180, 1, 1, 0, 1) + question("web") + record(kPointer, kA, "1234") + opt;
  const std::string older = aged(message, 7);
  REQUIRE(older.size() == message.size());
  CHECK(parse_answer(older)->answers[0].ttl == 23);
  CHECK(older.substr(older.size() - opt.size()) == opt);
  CHECK(parse_answer(aged(message, 31))->answers[0].ttl == 0);
  CHECK(aged("short", 1) == "short");
  CHECK(with_id(message, 0x1234) == "\x12\x34" + message.substr(2));
  CHECK(with_id("", 5) == be16(5));
}
