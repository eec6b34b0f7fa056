# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/plan SOURCES cgroups_test.cc plan_test.cc render_test.cc DEPS launcher_plan nlohmann_json::nlohmann_json)
