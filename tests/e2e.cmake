# SPDX-License-Identifier: Apache-2.0
# Real clusters. One file of tests/e2e is one scenario. Those that disturb nobody share a cluster, several at a time; the
# others make their own, one after another, when the shared one is gone: they compare what was before with what is left.
set(e2e ${CMAKE_CURRENT_SOURCE_DIR}/e2e)
function(e2e_test NAME TIMEOUT)
  add_test(NAME e2e/${NAME} COMMAND ${e2e}/${NAME}.sh)
  set_tests_properties(e2e/${NAME} PROPERTIES LABELS e2e TIMEOUT ${TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "SUBLET=$<TARGET_FILE:sublet>" ${ARGN})
endfunction()

set(shared cli deployment ephemeral-storage host-path init-sidecar isolation job kubectl-tools owners probes service-dns stateful-set volumes
  bypass-strangers exec exec-mpi)
set(own devices exec-host bypass bypass-crun ports ports-crowd api-restart network-policy share share-change walltime limits cores run-status two-clusters single-identity no-tap no-internet
  private-registry heals
  kill-launcher interrupt bad-start component-fails disk-full up-down-20 random-kill-20)

e2e_test(cluster-up 240 FIXTURES_SETUP cluster)
e2e_test(cluster-down 60 FIXTURES_CLEANUP cluster)
foreach(name IN LISTS shared)
  e2e_test(${name} 240 FIXTURES_REQUIRED cluster)
endforeach()
foreach(name IN LISTS own)
  e2e_test(${name} 600 RUN_SERIAL TRUE DEPENDS e2e/cluster-down)
endforeach()
