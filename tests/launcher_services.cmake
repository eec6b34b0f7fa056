# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/services SOURCES env_names_test.cc expose_test.cc service_names_test.cc store_test.cc table_test.cc
  DEPS launcher_services nlohmann_json::nlohmann_json)
integration_test(services_watch DEPS launcher_services launcher_pki OpenSSL::SSL nlohmann_json::nlohmann_json Threads::Threads)
