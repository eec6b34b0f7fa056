# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/devices SOURCES choose_test.cc gpus_test.cc look_test.cc parse_test.cc
  DEPS launcher_devices nlohmann_json::nlohmann_json)
