# plexiform_add_plugin(name sources... [TEST sources...] [VERSION 1.0.0])
#
# Builds `name.plexiform.so`, a plugin: hidden visibility, one exported symbol, every symbol bound at load, the note. TEST
# sources make a Catch2 test program `name_test` that has the plugin's file in PLEXIFORM_PLUGIN_FILE and its own folder in
# PLEXIFORM_TEST_FOLDER.
include_guard(GLOBAL)

set(PLEXIFORM_PLUGIN_SUFFIX ".plexiform.so")
set(_plexiform_exports "${CMAKE_CURRENT_LIST_DIR}/plugin.exports")

function(plexiform_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "VERSION" "TEST")
  if(NOT arg_VERSION)
    set(arg_VERSION "${PLEXIFORM_VERSION}")
  endif()
  add_library(${name} MODULE ${arg_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX "${PLEXIFORM_PLUGIN_SUFFIX}"
    LIBRARY_OUTPUT_DIRECTORY "${PLEXIFORM_PLUGIN_DIR}"
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS "${_plexiform_exports}")
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  target_compile_definitions(${name} PRIVATE
    PLEXIFORM_PLUGIN_ID="${name}" PLEXIFORM_PLUGIN_VERSION="${arg_VERSION}" PLEXIFORM_SDK_VERSION="${PLEXIFORM_VERSION}")
  target_link_options(${name} PRIVATE -Wl,-z,now -Wl,-z,defs -Wl,--build-id "-Wl,--version-script=${_plexiform_exports}")
  target_link_libraries(${name} PRIVATE plexiform::sdk)
  set_property(GLOBAL APPEND PROPERTY PLEXIFORM_PLUGINS ${name})
  if(PLEXIFORM_INSTALL_PLUGIN_DIR)
    install(TARGETS ${name} LIBRARY DESTINATION "${PLEXIFORM_INSTALL_PLUGIN_DIR}")
  endif()
  if(arg_TEST AND BUILD_TESTING)
    add_executable(${name}_test ${arg_TEST})
    set_target_properties(${name}_test PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON)
    target_compile_definitions(${name}_test PRIVATE
      PLEXIFORM_PLUGIN_FILE="$<TARGET_FILE:${name}>" PLEXIFORM_TEST_FOLDER="${CMAKE_CURRENT_SOURCE_DIR}")
    target_link_libraries(${name}_test PRIVATE plexiform::testing)
    add_dependencies(${name}_test ${name})
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES ENVIRONMENT OMP_WAIT_POLICY=passive)  # tests side by side do not spin
  endif()
endfunction()
