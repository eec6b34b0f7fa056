# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/pki SOURCES certificate_test.cc cluster_pki_test.cc kubeconfig_test.cc token_test.cc
  DEPS launcher_pki OpenSSL::Crypto nlohmann_json::nlohmann_json)
