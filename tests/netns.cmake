# SPDX-License-Identifier: Apache-2.0
add_library(test_frames STATIC support/frames.cc)
target_include_directories(test_frames PUBLIC ${PROJECT_SOURCE_DIR})
unit_tests(netns
  SOURCES frame_test.cc poll_set_test.cc resolv_conf_test.cc tap_orders_test.cc
  DEPS netns test_frames nlohmann_json::nlohmann_json)

# The driver and a command behind it, for the tests here and for scripts/bench.d/tap.
add_executable(pod_up support/knocker.cc support/pod_up.cc)
target_link_libraries(pod_up PRIVATE netns bypass)
sublet_warnings(pod_up)

add_library(test_netns_world STATIC support/inet.cc support/netns_world.cc)
target_link_libraries(test_netns_world PUBLIC netns test_frames)
sublet_warnings(test_netns_world)
foreach(name tap_driver tap_loopback tap_traffic)
  integration_test(${name} DEPS test_netns_world)
  target_compile_definitions(integration_${name} PRIVATE POD_UP="$<TARGET_FILE:pod_up>")
  add_dependencies(integration_${name} pod_up)
endforeach()
