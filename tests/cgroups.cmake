# SPDX-License-Identifier: Apache-2.0
unit_tests(cgroups SOURCES controllers_test.cc hierarchy_test.cc limits_test.cc probe_test.cc scope_test.cc systemd_test.cc
  tree_test.cc DEPS cgroups PkgConfig::systemd Threads::Threads)
