# SPDX-License-Identifier: Apache-2.0
# The scripts' own tests: each check can fail, and the count of tests is right.
foreach(name check tally)
  add_test(NAME unit/scripts/${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/unit/scripts/${name}_test.sh)
  set_tests_properties(unit/scripts/${name} PROPERTIES LABELS unit TIMEOUT 120)
endforeach()
unit_tests(scripts SOURCES leaf_test.cc DEPS hook_leaf)
