# SPDX-License-Identifier: Apache-2.0
unit_tests(bypass
  SOURCES abi_test.cc endpoint_test.cc filter_test.cc keeper_test.cc policy_test.cc slots_test.cc texts_test.cc
    values_test.cc
  DEPS bypass)

# What the network is loaded with, by scripts/bench.d/net and the tests.
add_executable(net_load support/net_load.cc)
target_link_libraries(net_load PRIVATE Threads::Threads)
sublet_warnings(net_load)
