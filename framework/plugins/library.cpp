#include <dlfcn.h>
#include <plexiform/error.h>
#include <plugins/library.h>

#include <boost/dll/shared_library.hpp>
#include <mutex>
#include <vector>

namespace plexiform::plugins {

namespace {

// The dynamic loader's own words, out of Boost's "... (dlerror system message: FILE: undefined
// symbol: x): Bad file descriptor". (Its error code is the same for every cause.)
std::string cause(std::string text, const std::string& file) {
  const std::string before = "dlerror system message: ";
  if (const size_t at = text.find(before); at != std::string::npos) text.erase(0, at + before.size());
  if (text.starts_with(file + ": ")) text.erase(0, file.size() + 2);
  if (const size_t end = text.rfind("): "); end != std::string::npos) text.erase(end);
  return text;
}

}  // namespace

void* open_function(const std::string& file, const std::string& name) {
  // dlopen is not thread-safe everywhere. Neither the mutex nor the handles are ever destroyed:
  // other threads and static destructors may still run in the libraries while the process ends.
  static auto& mutex = *new std::mutex;
  static auto& opened = *new std::vector<boost::dll::shared_library>;
  const std::lock_guard lock(mutex);
  // Boost's default mode binds lazily: a missing symbol would end the process at the first call.
  constexpr auto mode = static_cast<boost::dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  try {
    boost::dll::shared_library library(file, mode);
    if (!library.has(name)) {
      throw Error(file, "has no function " + name, "build it with plexiform_add_plugin");
    }
    opened.push_back(library);
    return reinterpret_cast<void*>(&library.get<void()>(name));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    throw Error(file, "cannot be loaded: " + cause(e.what(), file),
                "rebuild it with this host's sdk/; `ldd` lists the libraries that it needs");
  }
}

}  // namespace plexiform::plugins
