# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/config
  SOURCES drift_test.cc load_test.cc toml_test.cc values_test.cc
  DEPS launcher_config)
target_compile_definitions(unit_launcher_config PRIVATE SUBLET_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
