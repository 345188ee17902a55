# Finds LibTorch: the folder with include/ and lib/ of a C++ download, a pip wheel (CPU or CUDA) or a conda environment.
# Looked at, in this order, each as a CMake or an environment variable:
#   PLEXIFORM_TORCH_ROOT, Torch_DIR   named on purpose: refused, not passed over, when nothing usable is there
#   PLEXIFORM_TORCH_BUILT_WITH        the installed host's, set by its package
#   CMAKE_PREFIX_PATH, the torch of the python3 on PATH (which is not imported)
# With PLEXIFORM_TORCH_SERIES, "2.13", another major.minor will not do.
# Sets PLEXIFORM_TORCH_ROOT and PLEXIFORM_TORCH_VERSION, both empty if there is none, and PLEXIFORM_TORCH_TRIED, the
# reasons. As a script, `cmake -P`, it prints "-- LibTorch VERSION: FOLDER" if there is one.
set(PLEXIFORM_TORCH_MINIMUM 2.13)
set(_plexiform_wanted "LibTorch ${PLEXIFORM_TORCH_MINIMUM} or newer")
if(PLEXIFORM_TORCH_SERIES)
  set(_plexiform_wanted "LibTorch ${PLEXIFORM_TORCH_SERIES}, which this Plexiform was built with")
endif()

# Is LibTorch in `root`, and new enough? The version, or the reason why not.
function(_plexiform_probe_torch root version reason)
  set(${version} "" PARENT_SCOPE)
  set(${reason} "no include/torch and lib/libtorch_cpu.so" PARENT_SCOPE)
  if(NOT EXISTS "${root}/include/torch" OR NOT EXISTS "${root}/lib/libtorch_cpu.so")
    return()
  endif()
  set(header "${root}/include/torch/headeronly/version.h")  # earlier releases have it in another folder
  if(NOT EXISTS "${header}")
    set(${reason} "older than LibTorch ${PLEXIFORM_TORCH_MINIMUM}" PARENT_SCOPE)
    return()
  endif()
  file(STRINGS "${header}" lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
  string(REGEX REPLACE "[^0-9;]" "" found "${lines}")
  string(REPLACE ";" "." found "${found}")
  if(found VERSION_LESS PLEXIFORM_TORCH_MINIMUM)
    set(${reason} "LibTorch ${found}, older than ${PLEXIFORM_TORCH_MINIMUM}" PARENT_SCOPE)
    return()
  endif()
  if(PLEXIFORM_TORCH_SERIES AND NOT found MATCHES "^${PLEXIFORM_TORCH_SERIES}[.]")
    set(${reason} "LibTorch ${found}, not ${PLEXIFORM_TORCH_SERIES}" PARENT_SCOPE)
    return()
  endif()
  set(${version} "${found}" PARENT_SCOPE)
endfunction()

function(_plexiform_find_torch)
  set(named "")
  set(others "")
  if(PLEXIFORM_TORCH_ROOT)
    set(named "${PLEXIFORM_TORCH_ROOT}")
  elseif(NOT "$ENV{PLEXIFORM_TORCH_ROOT}" STREQUAL "")
    set(named "$ENV{PLEXIFORM_TORCH_ROOT}")
  elseif(Torch_DIR)
    get_filename_component(named "${Torch_DIR}/../../.." ABSOLUTE)
  elseif(NOT "$ENV{Torch_DIR}" STREQUAL "")
    get_filename_component(named "$ENV{Torch_DIR}/../../.." ABSOLUTE)
  else()
    string(REPLACE ":" ";" prefixes "$ENV{CMAKE_PREFIX_PATH}")
    foreach(prefix ${CMAKE_PREFIX_PATH} ${prefixes})
      get_filename_component(above "${prefix}/../.." ABSOLUTE)  # torch.utils.cmake_prefix_path is <root>/share/cmake
      list(APPEND others "${prefix}" "${above}")
    endforeach()
    execute_process(
      COMMAND python3 -c "import importlib.util as u, os; s = u.find_spec('torch'); print(os.path.dirname(s.origin))"
      WORKING_DIRECTORY /  # where no folder happens to be called torch
      OUTPUT_VARIABLE python_torch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed)
      list(APPEND others "${python_torch}")
    endif()
  endif()

  set(tried "")
  set(PLEXIFORM_TORCH_ROOT "" PARENT_SCOPE)
  set(PLEXIFORM_TORCH_VERSION "" PARENT_SCOPE)
  foreach(root ${named} ${PLEXIFORM_TORCH_BUILT_WITH} ${others})
    _plexiform_probe_torch("${root}" version reason)
    if(version)
      set(PLEXIFORM_TORCH_ROOT "${root}" PARENT_SCOPE)
      set(PLEXIFORM_TORCH_VERSION "${version}" PARENT_SCOPE)
      message(STATUS "LibTorch ${version}: ${root}")
      break()
    endif()
    if(named)
      message(FATAL_ERROR "${root}: ${reason}\n  fix: unset PLEXIFORM_TORCH_ROOT and Torch_DIR, or let them name "
        "${_plexiform_wanted}: the folder with include/ and lib/, and its share/cmake/Torch")
    endif()
    string(APPEND tried "  ${root}: ${reason}\n")
    if(reason MATCHES "LibTorch")
      message(STATUS "passed over ${root}: ${reason}")
    endif()
  endforeach()
  set(PLEXIFORM_TORCH_TRIED "${tried}" PARENT_SCOPE)
endfunction()
_plexiform_find_torch()
