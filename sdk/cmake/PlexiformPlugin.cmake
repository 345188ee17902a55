# plexiform_add_plugin(name sources... [TEST sources...] [VERSION 1.0.0])
#
# Builds `name.plexiform.so`, a plugin: C++20, optimised unless the build type says otherwise, hidden visibility, one exported
# symbol, every symbol bound at load, the note. VERSION is the plugin's; default: the project's.
#   test      `plexiform plugins check` as the test `name_conformance` (when PLEXIFORM_CHECK_PLUGINS is on), and TEST sources as
#             a Catch2 program `name_test` that has the plugin's file in PLEXIFORM_PLUGIN_FILE and its own folder in
#             PLEXIFORM_TEST_FOLDER. BUILD_TESTING=OFF leaves both out.
#   install   into PLEXIFORM_INSTALL_PLUGIN_DIR; "": not at all
include_guard(DIRECTORY)  # it sets variables, and each folder of a project may find this package

set(PLEXIFORM_PLUGIN_SUFFIX ".plexiform.so")
set(_plexiform_exports "${CMAKE_CURRENT_LIST_DIR}/plugin.exports")

function(plexiform_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "VERSION" "TEST")
  if(NOT arg_VERSION)
    set(arg_VERSION "${PROJECT_VERSION}")
  endif()
  add_library(${name} MODULE ${arg_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX "${PLEXIFORM_PLUGIN_SUFFIX}"
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    INSTALL_RPATH "$ORIGIN" BUILD_WITH_INSTALL_RPATH ON  # the installed file is the built one, byte for byte
    LINK_DEPENDS "${_plexiform_exports}")
  if(PLEXIFORM_PLUGIN_DIR)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${PLEXIFORM_PLUGIN_DIR}")
  endif()
  target_compile_options(${name} PRIVATE $<$<STREQUAL:$<CONFIG>,>:-O2> $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  target_compile_definitions(${name} PRIVATE
    PLEXIFORM_PLUGIN_ID="${name}" PLEXIFORM_PLUGIN_VERSION="${arg_VERSION}" PLEXIFORM_SDK_VERSION="${PLEXIFORM_VERSION}")
  target_link_options(${name} PRIVATE -Wl,-z,now -Wl,-z,defs -Wl,--build-id "-Wl,--version-script=${_plexiform_exports}")
  target_link_libraries(${name} PRIVATE plexiform::sdk)
  set_property(GLOBAL APPEND PROPERTY PLEXIFORM_PLUGINS ${name})
  if(PLEXIFORM_INSTALL_PLUGIN_DIR)
    install(TARGETS ${name} LIBRARY DESTINATION "${PLEXIFORM_INSTALL_PLUGIN_DIR}")
  endif()
  if(NOT DEFINED BUILD_TESTING OR BUILD_TESTING)
    _plexiform_test_plugin(${name} "${arg_TEST}")
  endif()
endfunction()

function(_plexiform_test_plugin name sources)
  set(quiet ENVIRONMENT OMP_WAIT_POLICY=passive)  # tests side by side do not spin
  if(PLEXIFORM_CHECK_PLUGINS)
    add_test(NAME ${name}_conformance COMMAND plexiform::command plugins check $<TARGET_FILE:${name}>)
    set_tests_properties(${name}_conformance PROPERTIES ${quiet})
  endif()
  if(NOT sources)
    return()
  elseif(NOT TARGET plexiform::testing)
    message(STATUS "${name}_test is not built: it needs Catch2 3 and yaml-cpp, and a Plexiform built with its tests")
    return()
  endif()
  add_executable(${name}_test ${sources})
  set_target_properties(${name}_test PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON)
  target_compile_definitions(${name}_test PRIVATE
    PLEXIFORM_PLUGIN_FILE="$<TARGET_FILE:${name}>" PLEXIFORM_TEST_FOLDER="${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${name}_test PRIVATE plexiform::testing)
  add_dependencies(${name}_test ${name})
  add_test(NAME ${name} COMMAND ${name}_test)
  set_tests_properties(${name} PROPERTIES ${quiet})
endfunction()
