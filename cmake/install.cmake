# SPDX-License-Identifier: Apache-2.0
# `cmake --install build --prefix P`: bin/sublet, libexec/sublet/*, share/sublet/*, man pages, completions. The program
# finds the rest relative to itself, so any prefix works.
install(TARGETS sublet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
