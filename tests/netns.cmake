# SPDX-License-Identifier: Apache-2.0
# The driver and a command behind it, for the tests here and for scripts/bench.d/tap.
add_executable(tap_up support/tap_up.cc)
target_link_libraries(tap_up PRIVATE netns)
sublet_warnings(tap_up)
