# Finds LibTorch and defines plexiform::torch (for plugins) and plexiform::torch_host (for the host).
# Why not find_package(Torch): its package file stops without a CUDA toolkit when the wheel is a CUDA one, and searches a
# system MKL; a host without CUDA code needs neither. PlexiformFindTorch.cmake says where it is looked for.
include_guard(GLOBAL)

set(PLEXIFORM_TORCH_ROOT "" CACHE PATH "LibTorch: the folder with include/ and lib/")
include(${CMAKE_CURRENT_LIST_DIR}/PlexiformFindTorch.cmake)
if(NOT PLEXIFORM_TORCH_ROOT)
  message(FATAL_ERROR "No ${_plexiform_wanted}, was found. Looked at:\n${PLEXIFORM_TORCH_TRIED}"
    "  fix: ${_plexiform_bring}, or -DPLEXIFORM_TORCH_ROOT=<folder with include/ and lib/>")
endif()
if(EXISTS /usr/include/torch/csrc)  # -idirafter would lose against it
  message(FATAL_ERROR "A system libtorch lies in /usr/include/torch and would be mixed with ${PLEXIFORM_TORCH_ROOT}\n"
    "  fix: apt-get remove libtorch-dev")
endif()
set(PLEXIFORM_TORCH_ROOT "${PLEXIFORM_TORCH_ROOT}" CACHE PATH "LibTorch: the folder with include/ and lib/" FORCE)

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
