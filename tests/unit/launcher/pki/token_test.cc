// SPDX-License-Identifier: Apache-2.0
#include "launcher/pki/token.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

namespace sublet::launcher {
namespace {

TEST_CASE("token: as long as asked, of its alphabet, never twice the same", "[pki]") {
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{25}, std::size_t{300}}) {
    const auto token = random_token(length);
    REQUIRE(token);
    CHECK(token->size() == length);
    CHECK(std::ranges::all_of(*token, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }));
  }
  CHECK(*random_token(25) != *random_token(25));
}

TEST_CASE("token: every character about as often", "[pki]") {
  constexpr std::size_t kLength = 36000;
  std::map<char, int> count;
  const auto token = random_token(kLength);
  REQUIRE(token);
  for (const char c : *token) ++count[c];
  CHECK(count.size() == 36);
  // 1000 each; the standard deviation is 31.
  for (const auto& [c, times] : count) CHECK(times == Approx(1000).margin(200));
}

TEST_CASE("token: a bootstrap token is ID.SECRET", "[pki]") {
  const auto token = bootstrap_token();
  REQUIRE(token);
  CHECK(token->size() == 23);
  CHECK(token->find('.') == 6);
}

}  // namespace
}  // namespace sublet::launcher
