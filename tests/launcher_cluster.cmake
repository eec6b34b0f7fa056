# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/cluster
  SOURCES containerd_test.cc control_plane_test.cc coredns_test.cc machine_test.cc node_test.cc requests_test.cc services_test.cc
  DEPS launcher_cluster nlohmann_json::nlohmann_json toml11::toml11)
