// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "launcher/config/load.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {
namespace {

bool named(std::vector<Setting> settings, Environment env) {
  Sources sources;
  sources.cwd = "/";
  sources.env = std::move(env);
  sources.settings = std::move(settings);
  auto loaded = load_config(sources);
  REQUIRE(loaded);
  return is_named(*loaded);
}

TEST_CASE("clusters: named by a flag or a variable, the default's name too", "[verbs]") {
  CHECK_FALSE(named({}, {}));
  CHECK(named({{"cluster.name", "a", "--name"}}, {}));
  CHECK(named({{"cluster.name", "default", "--name"}}, {}));
  CHECK(named({}, {{"SUBLET_NAME", "a"}}));
}

}  // namespace
}  // namespace sublet::launcher
