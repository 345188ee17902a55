# The installed host, and the build folder laid out like one: a plugin's project takes either as its prefix.
#
#   bin/plexiform
#   lib/libplexiform.so, libplexiform_sdk.a, libplexiform_testing.a, plexiform/plugins-abi1/*.plexiform.so, cmake/plexiform/
#   include/plexiform                         what a plugin includes
#   include/plexiform-testing, plexiform-host what its test, and a program that embeds the host
#   share/plexiform/{configs,template,README.md}
#
# Everything is found relative to the file that looks for it, so the folder can be moved. LibTorch stays where it is.
set(_package lib/cmake/plexiform)
set(PLEXIFORM_TORCH_BUILT_WITH "${PLEXIFORM_TORCH_ROOT}")
string(REGEX MATCH "^[0-9]+\\.[0-9]+" PLEXIFORM_TORCH_SERIES "${PLEXIFORM_TORCH_VERSION}")
configure_file(${PROJECT_SOURCE_DIR}/sdk/cmake/plexiform-config.cmake.in
  ${PROJECT_BINARY_DIR}/${_package}/plexiform-config.cmake @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/${_package}/plexiform-config-version.cmake
  COMPATIBILITY SameMinorVersion)
set(_scripts PlexiformFindTorch.cmake PlexiformTorch.cmake PlexiformAbi.cmake PlexiformPlugin.cmake plugin.exports)

function(_link source place)
  get_filename_component(folder ${PROJECT_BINARY_DIR}/${place} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${source} ${PROJECT_BINARY_DIR}/${place} SYMBOLIC)
endfunction()
foreach(script ${_scripts})
  _link(sdk/cmake/${script} ${_package}/${script})
  install(FILES ${PROJECT_SOURCE_DIR}/sdk/cmake/${script} DESTINATION ${_package})
endforeach()
_link(sdk/include/plexiform include/plexiform)
_link(sdk/testing include/plexiform-testing)
_link(framework/library/include include/plexiform-host)
_link(configs share/plexiform/configs)
_link(sdk/template share/plexiform/template)
_link(sdk/README.md share/plexiform/README.md)

install(FILES ${PROJECT_BINARY_DIR}/${_package}/plexiform-config.cmake
  ${PROJECT_BINARY_DIR}/${_package}/plexiform-config-version.cmake DESTINATION ${_package})
install(DIRECTORY sdk/include/plexiform DESTINATION include)
install(DIRECTORY framework/library/include/ DESTINATION include/plexiform-host)
install(DIRECTORY configs sdk/template DESTINATION share/plexiform)
install(FILES sdk/README.md DESTINATION share/plexiform)
install(TARGETS plexiform RUNTIME DESTINATION bin)
set_target_properties(plexiform_host PROPERTIES INSTALL_RPATH "$ORIGIN;${PLEXIFORM_TORCH_ROOT}/lib")
install(TARGETS plexiform_host plexiform_sdk LIBRARY DESTINATION lib ARCHIVE DESTINATION lib)
if(TARGET plexiform_testing)
  install(TARGETS plexiform_testing plexiform_conformance ARCHIVE DESTINATION lib)
  install(DIRECTORY sdk/testing/ DESTINATION include/plexiform-testing FILES_MATCHING PATTERN "*.h")
endif()
install(CODE "message(STATUS \"LibTorch is used where it is, ${PLEXIFORM_TORCH_ROOT}; should it move: PLEXIFORM_TORCH_ROOT=FOLDER\")")
