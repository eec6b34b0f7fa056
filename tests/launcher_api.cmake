# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/api SOURCES manifest_test.cc DEPS launcher_api nlohmann_json::nlohmann_json)
integration_test(api_relay DEPS launcher_api Threads::Threads)
integration_test(api_client DEPS launcher_api launcher_pki OpenSSL::SSL nlohmann_json::nlohmann_json Threads::Threads)
