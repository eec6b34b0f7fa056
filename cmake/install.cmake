# SPDX-License-Identifier: Apache-2.0
# `cmake --install build/PRESET --prefix P`: bin/sublet, libexec/sublet/*, share/sublet/*, man pages, completions. The
# program finds the rest relative to itself, so any prefix works. Components and images are installed if they are built.
install(TARGETS sublet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS sublet-oci RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/sublet)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/build/components/ DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/sublet
  USE_SOURCE_PERMISSIONS OPTIONAL)
install(FILES ${PROJECT_SOURCE_DIR}/build/images/pause.tar DESTINATION ${CMAKE_INSTALL_DATADIR}/sublet/images OPTIONAL)
include(cmake/docs.cmake)
sublet_docs()
