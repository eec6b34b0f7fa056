# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/supervisor SOURCES restart_test.cc service_test.cc DEPS launcher_supervisor nlohmann_json::nlohmann_json)
integration_test(supervisor DEPS launcher_supervisor)
