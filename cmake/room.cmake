# SPDX-License-Identifier: Apache-2.0
# room(NAME SOURCES a.cc … DEPS other-room … LIBS imported-target …): one static library. Include paths start at the
# root ("room/file.h"). DEPS are the layering; scripts/check-layering holds the include lines against it.
function(room NAME)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_library(${NAME} STATIC ${ROOM_SOURCES})
  target_include_directories(${NAME} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  target_link_libraries(${NAME} PUBLIC ${ROOM_DEPS} PRIVATE ${ROOM_LIBS})
  sublet_warnings(${NAME})
endfunction()

# Werror only where asked (CI, presets): a newer compiler's new warning must not break a user's build.
option(SUBLET_WERROR "Treat warnings as errors" OFF)
function(sublet_warnings TARGET)
  target_compile_options(${TARGET} PRIVATE -Wall -Wextra -Wshadow -Wconversion $<$<COMPILE_LANGUAGE:CXX>:-Wsuggest-override>
    -Wno-missing-field-initializers $<$<BOOL:${SUBLET_WERROR}>:-Werror>)
endfunction()
