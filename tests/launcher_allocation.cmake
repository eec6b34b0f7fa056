# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/allocation
  SOURCES deadline_test.cc find_test.cc hostlist_test.cc inquiry_test.cc share_test.cc slurm_test.cc
  DEPS launcher_allocation)
