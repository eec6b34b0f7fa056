# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/oci
  SOURCES arguments_test.cc fake_ids_test.cc settings_test.cc spec_test.cc wrapper_test.cc
  DEPS launcher_oci)
