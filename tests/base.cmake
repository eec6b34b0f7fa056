# SPDX-License-Identifier: Apache-2.0
unit_tests(base
  SOURCES cidr_test.cc cpu_list_test.cc event_loop_test.cc fs_test.cc log_test.cc process_test.cc result_test.cc sock_diag_test.cc strings_test.cc sys_test.cc
    unix_socket_test.cc
  DEPS base)
