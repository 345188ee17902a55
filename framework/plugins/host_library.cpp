#include <fmt/format.h>
#include <plexiform/error.h>
#include <plugins/host_library.h>
#include <plugins/library.h>
#include <plugins/sources.h>
#include <torch/headeronly/version.h>

#include <cstdlib>
#include <filesystem>

namespace plexiform::plugins {

namespace {

// As LibTorch counts: major, minor and patch are the upper three bytes.
std::string series(uint64_t abi_version) { return fmt::format("{}.{}", abi_version >> 56, (abi_version >> 48) & 0xff); }

void open_torch() {
  const char* named = std::getenv("PLEXIFORM_TORCH_ROOT");
  const std::string root = named && *named ? named : PLEXIFORM_TORCH_ROOT;
  const std::string file = root + "/lib/libtorch.so", wanted = series(TORCH_ABI_VERSION);
  const std::string fix = fmt::format(
      "set PLEXIFORM_TORCH_ROOT to the folder with include/ and lib/ of a LibTorch {0}: of a C++ download, or "
      "site-packages/torch after pip install 'torch=={0}.*'",
      wanted);
  if (!std::filesystem::exists(file)) {
    throw Error(file, "is not there; Plexiform was built with LibTorch " TORCH_VERSION, fix);
  }
  uint64_t (*version)() = nullptr;
  try {
    version = reinterpret_cast<uint64_t (*)()>(open_function(file, "aoti_torch_abi_version"));
  } catch (const Error& e) {
    throw Error(e.where(), e.problem(), fix);
  }
  if (const auto found = series(version()); found != wanted) {
    throw Error(file, fmt::format("is LibTorch {}; Plexiform was built with " TORCH_VERSION, found), fix);
  }
}

}  // namespace

void* open_host_function(const std::string& name) {
  const std::string library = host_library();
  open_torch();
  try {
    return open_function(library, name);
  } catch (const Error& e) {
    throw Error(e.where(), e.problem(),
                "install what `ldd " + library +
                    "` does not find; bin/plexiform and lib/libplexiform.so have to come from one installation");
  }
}

}  // namespace plexiform::plugins
