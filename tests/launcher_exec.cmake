# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/exec
  SOURCES answer_cache_test.cc dns_message_test.cc filter_test.cc known_names_test.cc lookup_test.cc matter_test.cc names_test.cc
    resolver_test.cc socket_store_test.cc
  DEPS launcher_exec Threads::Threads)
integration_test(exec_nook DEPS launcher_exec)
