# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/verbs SOURCES clusters_test.cc layout_test.cc DEPS launcher_verbs)

# What `cmake --install` makes, run from another place than the build tree.
add_test(NAME integration/install
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/install.sh ${CMAKE_COMMAND} ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR})
set_tests_properties(integration/install PROPERTIES LABELS integration TIMEOUT 180 SKIP_RETURN_CODE 77)
