// What a binary was built for: compared by the host with its own before a plugin is loaded.
#pragma once

#include <torch/headeronly/version.h>

#include <string>  // _GLIBCXX_USE_CXX11_ABI, _LIBCPP_VERSION

#define PLEXIFORM_TORCH_VERSION TORCH_VERSION

#if defined(__linux__) && defined(__x86_64__)
#define PLEXIFORM_PLATFORM "linux-x86_64"
#elif defined(__linux__) && defined(__aarch64__)
#define PLEXIFORM_PLATFORM "linux-aarch64"
#else
#error "this platform has no name yet: give it one here"
#endif

#if defined(_LIBCPP_VERSION)
#define PLEXIFORM_CXX_ABI "libc++"
#elif defined(_GLIBCXX_USE_CXX11_ABI) && _GLIBCXX_USE_CXX11_ABI
#define PLEXIFORM_CXX_ABI "libstdc++-cxx11"
#else
#define PLEXIFORM_CXX_ABI "libstdc++-old"
#endif

#if defined(__clang__)
#define PLEXIFORM_COMPILER "clang " __clang_version__
#else
#define PLEXIFORM_COMPILER "g++ " __VERSION__
#endif
