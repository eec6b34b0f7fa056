# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/oci
  SOURCES arguments_test.cc fake_ids_test.cc settings_test.cc spec_test.cc volumes_test.cc watch_test.cc wrapper_test.cc
  DEPS launcher_oci PkgConfig::seccomp)
integration_test(fake_ids DEPS launcher_oci)

# deny_syscall NAME=ERRNO -- CMD: makes a system call fail for CMD and all its children.
add_executable(deny_syscall support/deny_syscall.cc)
target_link_libraries(deny_syscall PRIVATE base PkgConfig::seccomp)
sublet_warnings(deny_syscall)
add_test(NAME integration/deny_syscall
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/deny_syscall.sh $<TARGET_FILE:deny_syscall>)
set_tests_properties(integration/deny_syscall PROPERTIES LABELS integration TIMEOUT 30)

# fake_ids LIMIT CMD: runs CMD as node-init runs containerd.
add_executable(fake_ids support/fake_ids.cc)
target_link_libraries(fake_ids PRIVATE launcher_oci)
sublet_warnings(fake_ids)

# The wrapper and the filter under the real containerd and runc, with the images that scripts/build-images makes.
add_test(NAME integration/oci_wrapper
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/oci_wrapper.sh $<TARGET_FILE:sublet-oci> $<TARGET_FILE:fake_ids>
    ${PROJECT_SOURCE_DIR}/build/components)
set_tests_properties(integration/oci_wrapper PROPERTIES LABELS integration TIMEOUT 120 SKIP_RETURN_CODE 77)
