// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <catch2/catch.hpp>
#include <memory>

#include "base/unique_fd.h"

using namespace sublet;

namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail("odd", "give an even one", ExitCode::kUsage);
  return number / 2;
}
Result<int> quarter(int number) {
  int first = TRY_WHILE("first half", half(number));
  return TRY(half(first));
}
Result<std::unique_ptr<int>> move_only() { return std::make_unique<int>(3); }
Result<int> unwrapped() { return *TRY(move_only()); }

}  // namespace

TEST_CASE("TRY: gives the value or returns the error with hint and exit status", "[base]") {
  CHECK(quarter(8).value() == 2);
  Result<int> result = quarter(3);
  REQUIRE(!result);
  CHECK(result.error().what == "first half: odd");
  CHECK(result.error().exit == ExitCode::kUsage);
  CHECK(to_string(result.error()) == "first half: odd\n  hint: give an even one");
  CHECK(quarter(2).error().what == "odd");
}

TEST_CASE("TRY: moves what can only be moved", "[base]") { CHECK(unwrapped().value() == 3); }

TEST_CASE("fail_errno: names the call and keeps the number", "[base]") {
  Result<void> result = fail_errno("open /x", ENOENT);
  CHECK(result.error().what == "open /x: No such file or directory");
  CHECK(result.error().is(ENOENT));
  CHECK_FALSE(result.error().is(EPERM));
  CHECK(to_string(result.error()) == result.error().what);
}

TEST_CASE("UniqueFd: closes once, on reset, on move and at its end", "[base]") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  UniqueFd read_end(ends[0]);
  char byte = 0;
  {
    UniqueFd write_end(ends[1]);
    UniqueFd moved(std::move(write_end));
    CHECK_FALSE(write_end.valid());  // NOLINT(bugprone-use-after-move): that is the promise
    CHECK(moved.get() == ends[1]);
    moved.reset(ends[1]);
    CHECK(::write(moved.get(), "x", 1) == 1);
  }
  CHECK(::read(read_end.get(), &byte, 1) == 1);
  CHECK(::read(read_end.get(), &byte, 1) == 0);  // end of file: the write end is closed
  CHECK(read_end.release() == ends[0]);
  CHECK_FALSE(static_cast<bool>(read_end));
  CHECK(::close(ends[0]) == 0);
}
