# SPDX-License-Identifier: Apache-2.0
# sublet_docs(): man pages (built where scdoc is there), completions and the sample configuration. Builds with `all`,
# installs with the rest.
function(sublet_docs)
  find_program(SCDOC scdoc)
  set(pages sublet.1 sublet.toml.5)
  if(SCDOC)
    set(built)
    foreach(page IN LISTS pages)
      string(REGEX MATCH "[0-9]$" section ${page})
      set(source ${PROJECT_SOURCE_DIR}/docs/man/${page}.scd)
      set(output ${PROJECT_BINARY_DIR}/man/man${section}/${page})
      add_custom_command(OUTPUT ${output}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/man/man${section}
        # The date of a page is in its bytes: a build is the same on any day (reproducible-builds.org).
        COMMAND ${CMAKE_COMMAND} -E env SOURCE_DATE_EPOCH=1767225600 sh -c "'${SCDOC}' <'${source}' >'${output}'"
        DEPENDS ${source} VERBATIM)
      install(FILES ${output} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
      list(APPEND built ${output})
    endforeach()
    add_custom_target(man ALL DEPENDS ${built})
  else()
    message(STATUS "scdoc is not there: no man pages")
  endif()
  set(completions ${PROJECT_SOURCE_DIR}/docs/completions)
  install(FILES ${completions}/sublet.bash RENAME sublet
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${completions}/_sublet DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${completions}/sublet.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  install(FILES ${PROJECT_SOURCE_DIR}/manifests/sublet.toml DESTINATION ${CMAKE_INSTALL_DATADIR}/sublet)
endfunction()
