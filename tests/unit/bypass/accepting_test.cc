// SPDX-License-Identifier: Apache-2.0
#include "bypass/accepting.h"

#include <catch2/catch.hpp>

using namespace sublet::bypass;

TEST_CASE("accepting: an address is cut to the room that there is for it", "[bypass]") {
  const struct {
    std::int32_t room;
    std::size_t real;
    std::optional<std::size_t> bytes;
  } cases[] = {{16, 16, 16},
               {128, 28, 28},
               {28, 16, 16},
               {4, 16, 4},
               {0, 16, 0},
               {-1, 16, std::nullopt},
               {std::numeric_limits<std::int32_t>::min(), 16, std::nullopt},
               {std::numeric_limits<std::int32_t>::max(), 28, 28}};
  for (const auto& c : cases) {
    INFO(c.room << " " << c.real);
    CHECK(shown(c.room, c.real) == c.bytes);
  }
}
