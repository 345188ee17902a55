# What has to agree between a plugin and its host at compile time.
#   PLEXIFORM_ABI_MAJOR   of the headers beside this file's package
#   PLEXIFORM_ABI         "linux-x86_64 libstdc++-cxx11": what this compiler and CMAKE_CXX_FLAGS make

foreach(_include "${CMAKE_CURRENT_LIST_DIR}/../include" "${CMAKE_CURRENT_LIST_DIR}/../../../include")  # in the tree, installed
  if(EXISTS "${_include}/plexiform/abi.h")
    set(_plexiform_include "${_include}")
  endif()
endforeach()
file(STRINGS "${_plexiform_include}/plexiform/abi.h" _line REGEX "define PLEXIFORM_ABI_MAJOR")
string(REGEX MATCH "[0-9]+" PLEXIFORM_ABI_MAJOR "${_line}")

separate_arguments(_flags UNIX_COMMAND "${CMAKE_CXX_FLAGS}")
file(WRITE "${CMAKE_BINARY_DIR}/CMakeFiles/plexiform_abi.cpp"
  "#include <plexiform/platform.h>\nabi PLEXIFORM_PLATFORM PLEXIFORM_CXX_ABI\n")
execute_process(
  COMMAND ${CMAKE_CXX_COMPILER} ${_flags} -std=c++20 -E -P -I "${_plexiform_include}"
    -idirafter "${PLEXIFORM_TORCH_ROOT}/include" "${CMAKE_BINARY_DIR}/CMakeFiles/plexiform_abi.cpp"
  OUTPUT_VARIABLE _output ERROR_VARIABLE _problem RESULT_VARIABLE _failed)
if(_failed OR NOT _output MATCHES "abi \"([^\"]+)\" \"([^\"]+)\"")
  message(FATAL_ERROR "${CMAKE_CXX_COMPILER} cannot compile C++20 for plugins:\n${_problem}\n  fix: use g++ 12 or clang 15, or newer")
endif()
set(PLEXIFORM_ABI "${CMAKE_MATCH_1} ${CMAKE_MATCH_2}")
