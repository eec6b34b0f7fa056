# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/state SOURCES choice_test.cc DEPS launcher_state)

# A second process for the tests of the state directory: it holds, races, cleans up.
add_executable(state_helper support/state_helper.cc)
target_link_libraries(state_helper PRIVATE launcher_state)
foreach(name state state_foreign)
  integration_test(${name} DEPS launcher_state)
  target_compile_definitions(integration_${name} PRIVATE STATE_HELPER="$<TARGET_FILE:state_helper>")
  add_dependencies(integration_${name} state_helper)
endforeach()
