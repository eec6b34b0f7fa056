# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/cli
  SOURCES drift_test.cc parse_test.cc
  DEPS launcher_cli)
target_compile_definitions(unit_launcher_cli PRIVATE SUBLET_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
