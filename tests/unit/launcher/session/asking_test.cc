// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/asking.h"

#include <catch2/catch.hpp>
#include <future>

namespace sublet::launcher {
namespace {

Inquiry shell(const std::string& text) { return {Inquiry::Kind::kSqueue, {"sh", "-c", text}}; }

Result<std::string> answer_of(Inquiry inquiry) {
  std::promise<Result<std::string>> promise;
  auto asking =
      Asking::start(std::move(inquiry), [&](Result<std::string> answer) { promise.set_value(std::move(answer)); });
  REQUIRE(asking);
  return promise.get_future().get();
}

}  // namespace

TEST_CASE("asking: gives what the command says, or why it says nothing", "[session]") {
  CHECK(*answer_of(shell("echo 4711 5:00")) == "4711 5:00\n");
  CHECK(answer_of(shell("echo no such job >&2; exit 1")).error().what == "sh: exit status 1 no such job");
  CHECK(answer_of({Inquiry::Kind::kSqueue, {"no-such-program-here"}}).error().what ==
        "no-such-program-here is not installed here");
}

TEST_CASE("asking: one that hangs is killed with the object, and never answers", "[session]") {
  bool answered = false;
  const auto began = std::chrono::steady_clock::now();
  {
    auto asking = Asking::start(shell("exec sleep 30"), [&](const Result<std::string>&) { answered = true; });
  }
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
  CHECK_FALSE(answered);
}

}  // namespace sublet::launcher
