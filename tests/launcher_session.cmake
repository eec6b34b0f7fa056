# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/session
  SOURCES asking_test.cc command_test.cc dns_query_test.cc drain_test.cc grant_test.cc mailbox_test.cc services_view_test.cc timeline_test.cc
  DEPS launcher_session nlohmann_json::nlohmann_json Threads::Threads)
