// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/fs.h"
#include "base/sys.h"

using namespace sublet;

TEST_CASE("log: lines from the chosen level on go to standard error, with the program's name", "[base]") {
  auto [read_end, write_end] = take(sys::pipe());
  UniqueFd kept = take(sys::dup(STDERR_FILENO));
  REQUIRE(::dup2(write_end.get(), STDERR_FILENO) == STDERR_FILENO);
  log::set_up("sublet[test]", log::Level::kWarning);
  log::info("not {}", "shown");
  log::warning("late: {} {{}}", 3);
  REQUIRE(::dup2(kept.get(), STDERR_FILENO) == STDERR_FILENO);
  write_end.reset();
  CHECK(take(fs::read_fd(read_end.get())) == "sublet[test]: warning: late: 3 {}\n");
}
