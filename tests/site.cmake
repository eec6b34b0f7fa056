# SPDX-License-Identifier: Apache-2.0
# What a site gives and a test machine does not: systemd, delegated cgroups, Slurm. One file of tests/site is one scenario
# in a virtual machine of its own; its first word is the kind of site. They come last, and alone: they keep both cores busy.
set(site ${CMAKE_CURRENT_SOURCE_DIR}/site)
# site_test(NAME SECONDS OPTION-OF-RUN…)
function(site_test NAME SECONDS)
  string(REGEX MATCH "^[a-z]+" kind ${NAME})
  math(EXPR timeout "${SECONDS} + 30")
  add_test(NAME site/${NAME} COMMAND ${site}/run --${kind} --time ${SECONDS} ${ARGN} ${site}/${NAME}.sh)
  set_tests_properties(site/${NAME} PROPERTIES LABELS site TIMEOUT ${timeout} SKIP_RETURN_CODE 77 RUN_SERIAL TRUE
    DEPENDS e2e/cluster-down ENVIRONMENT "SUBLET_BUILD=${PROJECT_BINARY_DIR}")
endfunction()

site_test(plain-boots 120)
site_test(slurm-boots 180)
site_test(slurm-hooks 300)
site_test(slurm-cluster 900 --mem 3G)
site_test(slurm-walltime 400 --mem 3G)
site_test(plain-cgroup-systemd 600 --mem 3G)
site_test(plain-cgroup-leaf 900 --mem 3G)
site_test(plain-cgroup-refused 600 --mem 3G)
site_test(slurm-cgroups 600 --mem 3G)
