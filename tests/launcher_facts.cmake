# SPDX-License-Identifier: Apache-2.0
# The hidden verb `probe` in a program of its own.
add_executable(facts_helper support/facts_helper.cc)
target_link_libraries(facts_helper PRIVATE launcher_facts)
sublet_warnings(facts_helper)

unit_tests(launcher/facts
  SOURCES components_test.cc cores_test.cc doctor_test.cc filesystem_test.cc host_test.cc id_map_test.cc state_dirs_test.cc
  DEPS launcher_facts nlohmann_json::nlohmann_json)
integration_test(id_map DEPS launcher_facts)
integration_test(facts DEPS launcher_facts nlohmann_json::nlohmann_json)
target_compile_definitions(integration_facts PRIVATE FACTS_HELPER="$<TARGET_FILE:facts_helper>")
add_dependencies(integration_facts facts_helper)
