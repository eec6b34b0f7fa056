# SPDX-License-Identifier: Apache-2.0
unit_tests(bypass
  SOURCES abi_test.cc accepting_test.cc choice_test.cc descriptor_scan_test.cc doors_test.cc endpoint_test.cc filter_test.cc isolation_test.cc keeper_test.cc
    owner_test.cc policy_test.cc port_listener_test.cc port_table_test.cc relay_test.cc sandbox_test.cc slots_test.cc texts_test.cc
    values_test.cc
  DEPS bypass)

set(probe_sources attacks connect datagrams door_faults doors epoll load probe processes quiet signals sockets)
list(TRANSFORM probe_sources PREPEND support/probe/)
list(TRANSFORM probe_sources APPEND .cc)
add_executable(bypass_probe ${probe_sources})
target_include_directories(bypass_probe PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(bypass_probe PRIVATE base Threads::Threads)
sublet_warnings(bypass_probe)

add_library(test_bypass_world STATIC support/bypass_world.cc support/dialler.cc)
target_link_libraries(test_bypass_world PUBLIC test_netns_world bypass)
target_compile_definitions(test_bypass_world PRIVATE POD_UP="$<TARGET_FILE:pod_up>")
sublet_warnings(test_bypass_world)
foreach(name bypass bypass_attacks bypass_doors bypass_succession)
  integration_test(${name} DEPS test_bypass_world)
  target_compile_definitions(integration_${name} PRIVATE BYPASS_PROBE="$<TARGET_FILE:bypass_probe>")
  add_dependencies(integration_${name} pod_up bypass_probe)
  set_tests_properties(integration/${name} PROPERTIES TIMEOUT 400)
endforeach()

# Programs of Debian's, and kubectl of our components, as far as they are there.
add_test(NAME integration/bypass_programs
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/bypass_programs.sh $<TARGET_FILE:pod_up>
    ${PROJECT_SOURCE_DIR}/build/components)
set_tests_properties(integration/bypass_programs PROPERTIES LABELS integration TIMEOUT 400 SKIP_RETURN_CODE 77)

# Servers of Debian's and others, as far as they are there.
add_test(NAME integration/bypass_servers
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/bypass_servers.sh $<TARGET_FILE:pod_up>)
set_tests_properties(integration/bypass_servers PROPERTIES LABELS integration TIMEOUT 400 SKIP_RETURN_CODE 77)

# What the network is loaded with, by scripts/bench.d/net and the tests.
add_executable(net_load support/net_load.cc)
target_link_libraries(net_load PRIVATE Threads::Threads)
sublet_warnings(net_load)

integration_test(host_ports DEPS test_netns_world bypass netns nlohmann_json::nlohmann_json)
