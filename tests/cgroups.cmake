# SPDX-License-Identifier: Apache-2.0
unit_tests(cgroups SOURCES probe_test.cc systemd_test.cc DEPS cgroups PkgConfig::systemd Threads::Threads)
