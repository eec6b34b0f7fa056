// SPDX-License-Identifier: Apache-2.0
// The one object in which Catch2 (v2) is compiled.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
