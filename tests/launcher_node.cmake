# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/node SOURCES mounts_test.cc orders_test.cc pods_test.cc sockets_test.cc DEPS launcher_node nlohmann_json::nlohmann_json)
