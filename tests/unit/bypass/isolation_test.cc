// SPDX-License-Identifier: Apache-2.0
#include "bypass/isolation.h"

#include <catch2/catch.hpp>

#include "base/unix_socket.h"

using namespace sublet;
using namespace sublet::bypass;

namespace {

Record pod(const char* ns, const char* uid) {
  Record record;
  record.pod_namespace = ns;
  record.pod_uid = uid;
  return record;
}

}  // namespace

TEST_CASE("isolation: of a namespace with a policy, all but those known to be free", "[bypass]") {
  const Isolation isolation{false, {{"shop", {"u-1"}}, {"closed", {}}}};
  CHECK_FALSE(is_isolated(isolation, pod("shop", "u-1")));
  CHECK(is_isolated(isolation, pod("shop", "u-2")));
  CHECK(is_isolated(isolation, pod("closed", "u-1")));
  CHECK_FALSE(is_isolated(isolation, pod("lab", "u-3")));
  CHECK(is_isolated({true, {}}, pod("lab", "u-3")));
}

TEST_CASE("isolation: as text and back, and all where there is too much to tell", "[bypass]") {
  const Isolation isolation{false, {{"shop", {"u-1", "u-2"}}, {"closed", {}}}};
  auto again = isolation_from_json(to_json(isolation));
  REQUIRE(again);
  CHECK(*again == isolation);
  Isolation large;
  for (int i = 0; i < 5000; ++i) large.free["n"].insert("a-uid-of-some-length-" + std::to_string(i));
  const std::string text = to_json(large);
  CHECK(text.size() < kMaxMessageBytes);
  CHECK(isolation_from_json(text)->all);
}

TEST_CASE("isolation: what is not one is an error", "[bypass]") {
  for (const char* text : {"", "[]", "{}", R"({"all": 1, "free": {}})", R"({"all": true, "free": []})",
                           R"({"all": true, "free": {"a": 1}})", R"({"all": true, "free": {"a": [1]}})",
                           R"({"all": true, "free": {}, "more": 1})"}) {
    INFO(text);
    CHECK_FALSE(isolation_from_json(text));
  }
}
