# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/policy SOURCES addresses_test.cc compile_test.cc render_test.cc store_test.cc values_test.cc
  DEPS launcher_policy nlohmann_json::nlohmann_json)
integration_test(policy_watch DEPS launcher_policy launcher_pki OpenSSL::SSL nlohmann_json::nlohmann_json Threads::Threads)
