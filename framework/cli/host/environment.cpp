// What `plexiform plugins doctor` asks libplexiform.so for: what only a process with LibTorch knows.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/Tensor.h>
#include <dlfcn.h>
#include <hdf5.h>

#include <filesystem>
#include <nlohmann/json.hpp>

namespace {

// "mkl" of "BLAS_INFO=mkl, ...": LibTorch describes itself in one text.
std::string setting(const std::string& config, const std::string& name) {
  const size_t at = config.find(name + "=");
  if (at == std::string::npos) return "";
  const size_t begin = at + name.size() + 1;
  return config.substr(begin, config.find_first_of(",\n", begin) - begin);
}

std::string file_of(const void* address) {
  Dl_info info;
  if (dladdr(address, &info) == 0 || !info.dli_fname) return "";
  std::error_code failed;
  const auto real = std::filesystem::canonical(info.dli_fname, failed);
  return failed ? info.dli_fname : real.string();
}

}  // namespace

// JSON: {"libtorch": {...}, "hdf5": {...}}.
extern "C" __attribute__((visibility("default"))) void plexiform_environment(std::string* json) {
  const std::string config = at::show_config();
  const auto& context = at::globalContext();
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  const bool cuda_build = setting(config, "USE_CUDA") == "1" || setting(config, "USE_CUDA") == "ON";
  const nlohmann::ordered_json all = {
      {"libtorch",
       {{"version", setting(config, "TORCH_VERSION")},
        {"file", file_of(reinterpret_cast<const void*>(&at::show_config))},
        {"blas", setting(config, "BLAS_INFO")},
        {"lapack", setting(config, "LAPACK_INFO")},
        {"onednn", at::Context::hasMKLDNN()},
        {"cpu_capability", at::get_cpu_capability()},
        {"threads", at::get_num_threads()},
        {"cuda", !cuda_build         ? "not built in"
                 : context.hasCUDA() ? "available"
                                     : "built in, no device"},
        {"cuda_devices", at::getNumGPUs()}}},
      {"hdf5",
       {{"version", std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release)},
        {"file", file_of(reinterpret_cast<const void*>(&H5get_libversion))}}}};
  *json = all.dump();
}
