// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/answer_cache.h"

#include <catch2/catch.hpp>

#include "launcher/exec/dns_message.h"

using namespace sublet::launcher;
using namespace std::string_literals;
using namespace std::chrono_literals;

namespace {

const AnswerCache::Clock::time_point kNow = AnswerCache::Clock::time_point() + 1000s;

std::string answer(std::uint32_t ttl, DnsCode code = DnsCode::kOk) {
  DnsAnswer from;
  from.code = code;
  from.answers.push_back({*wire_name("web"), 1, 1, ttl, "\x0a\x2b\0\7"s});
  return make_answer(*parse_question(*make_query(7, "web", 1, 1)), from, *wire_name("web"));
}

}  // namespace

TEST_CASE("answer cache: what it gives is no longer good than it was", "[exec]") {
  AnswerCache cache;
  cache.keep("web", answer(60), kNow);
  const std::string* said = cache.find("web", kNow + 999ms);
  REQUIRE(said != nullptr);
  CHECK(parse_answer(*said)->answers[0].ttl == 59);
  CHECK(cache.find("web", kNow + 1000ms) == nullptr);
  CHECK(cache.find("other", kNow) == nullptr);
  cache.keep("short", answer(1), kNow);
  REQUIRE(cache.find("short", kNow + 500ms) != nullptr);
  CHECK(parse_answer(*cache.find("short", kNow + 500ms))->answers[0].ttl == 0);
}

TEST_CASE("answer cache: what may not be kept is not", "[exec]") {
  AnswerCache cache;
  cache.keep("a", answer(0), kNow);
  cache.keep("b", answer(60, DnsCode::kFailure), kNow);
  cache.keep("c", answer(60, DnsCode::kNoName), kNow);  // no zone says for how long
  cache.keep("d", answer(60).substr(0, 40), kNow);
  for (const char* key : {"a", "b", "c", "d"}) CHECK(cache.find(key, kNow) == nullptr);
}

TEST_CASE("answer cache: has an end", "[exec]") {
  AnswerCache cache;
  for (int i = 0; i < 1025; ++i) cache.keep(std::to_string(i), answer(60), kNow);
  CHECK(cache.find("0", kNow) == nullptr);
  CHECK(cache.find("1024", kNow) != nullptr);
}
