# Finds LibTorch and defines plexiform::torch (for plugins) and plexiform::torch_host (for the host).
# Why not find_package(Torch): its package file stops without a CUDA toolkit when the wheel is a CUDA one, and searches a
# system MKL; a host without CUDA code needs neither. Looked at, in this order:
#   PLEXIFORM_TORCH_ROOT, Torch_DIR, CMAKE_PREFIX_PATH, the active Python's torch.
include_guard(GLOBAL)

set(PLEXIFORM_TORCH_ROOT "" CACHE PATH "LibTorch: the folder with include/ and lib/")
set(_tried "")
set(_candidates "")
if(PLEXIFORM_TORCH_ROOT)
  list(APPEND _candidates "${PLEXIFORM_TORCH_ROOT}")
else()
  foreach(_dir "${Torch_DIR}" "$ENV{Torch_DIR}")
    if(_dir)
      get_filename_component(_root "${_dir}/../../.." ABSOLUTE)
      list(APPEND _candidates "${_root}")
    endif()
  endforeach()
  string(REPLACE ":" ";" _prefixes "$ENV{CMAKE_PREFIX_PATH}")
  list(APPEND _candidates ${CMAKE_PREFIX_PATH} ${_prefixes})
  foreach(_python python3 python)
    find_program(_exe_${_python} ${_python})
    if(_exe_${_python})
      execute_process(
        COMMAND "${_exe_${_python}}" -c "import importlib.util as u, os; s = u.find_spec('torch'); print(os.path.dirname(s.origin) if s else '')"
        OUTPUT_VARIABLE _root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
      if(_root)
        list(APPEND _candidates "${_root}")
      endif()
    endif()
  endforeach()
endif()
set(_found "")
foreach(_root ${_candidates})
  if(EXISTS "${_root}/include/torch/headeronly/version.h" AND EXISTS "${_root}/lib/libtorch_cpu.so")
    set(_found "${_root}")
    break()
  endif()
  list(APPEND _tried "  ${_root}")
endforeach()
if(NOT _found)
  list(JOIN _tried "\n" _tried)
  message(FATAL_ERROR "No LibTorch found (include/torch/headeronly/version.h and lib/libtorch_cpu.so). Tried:\n${_tried}\n"
    "  fix: ./bootstrap brings one; or pip install torch; or -DPLEXIFORM_TORCH_ROOT=<folder with include/ and lib/>")
endif()
if(EXISTS /usr/include/torch/csrc)  # -idirafter would lose against it
  message(FATAL_ERROR "A system libtorch lies in /usr/include/torch and would be mixed with ${_found}\n  fix: apt-get remove libtorch-dev")
endif()
set(PLEXIFORM_TORCH_ROOT "${_found}" CACHE PATH "LibTorch: the folder with include/ and lib/" FORCE)

file(STRINGS "${PLEXIFORM_TORCH_ROOT}/include/torch/headeronly/version.h" _lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
string(REGEX REPLACE "[^0-9;]" "" PLEXIFORM_TORCH_VERSION "${_lines}")
string(REPLACE ";" "." PLEXIFORM_TORCH_VERSION "${PLEXIFORM_TORCH_VERSION}")
message(STATUS "LibTorch ${PLEXIFORM_TORCH_VERSION}: ${PLEXIFORM_TORCH_ROOT}")

# -idirafter: the wheel also holds fmt's headers, which must not hide the system's. NDEBUG: as the wheel is built, because
# inline functions of its headers in our binaries replace its own copies.
set(_lib "${PLEXIFORM_TORCH_ROOT}/lib")
add_library(plexiform_torch INTERFACE)
add_library(plexiform::torch ALIAS plexiform_torch)
target_compile_options(plexiform_torch INTERFACE
  "SHELL:-idirafter ${PLEXIFORM_TORCH_ROOT}/include" "SHELL:-idirafter ${PLEXIFORM_TORCH_ROOT}/include/torch/csrc/api/include")
target_compile_definitions(plexiform_torch INTERFACE NDEBUG)
target_compile_features(plexiform_torch INTERFACE cxx_std_20)
target_link_libraries(plexiform_torch INTERFACE "${_lib}/libtorch_cpu.so" "${_lib}/libc10.so")

# The host also maps libtorch.so, which is empty but brings libtorch_cuda.so with a CUDA build: without it CUDA is "not
# available", silently.
add_library(plexiform_torch_host INTERFACE)
add_library(plexiform::torch_host ALIAS plexiform_torch_host)
target_link_libraries(plexiform_torch_host INTERFACE
  "-Wl,--push-state,--no-as-needed,${_lib}/libtorch.so,--pop-state" plexiform_torch)
if(EXISTS "${_lib}/libtorch_cuda.so")
  target_link_options(plexiform_torch_host INTERFACE -Wl,--allow-shlib-undefined)
  target_link_options(plexiform_torch INTERFACE -Wl,--allow-shlib-undefined)
endif()
