// What a plugin's file says of itself (plexiform/abi.h, plexiform_note), read without loading it, and whether it fits.
#pragma once

#include <plexiform/abi.h>
#include <plugins/file.h>

#include <string>
#include <vector>

namespace plexiform::plugins {

struct Problem {
  std::string problem, fix;
};

struct ListedComponent {
  std::string kind;      // "core", "readout", "loss"
  std::string name;      // a `_target_`
  std::string alias_of;  // "", or the name of the component that this is an alias of
  std::string summary;
};

struct Note {
  plexiform_note fields{};  // as in the file; its texts are copied below
  std::string torch_version, platform, cxx_abi, compiler, plugin_id, plugin_version, sdk_version;
  std::vector<ListedComponent> components;
};

// Throws Error when the file is no plugin or is damaged. A note of another ABI major may mean something else by its later
// fields: they are read as far as they make sense.
Note read_note(const File& file);

// What a host was built with. A size that is 0 is not compared: only libplexiform.so knows LibTorch's classes.
struct HostBuild {
  std::string torch_version, platform, cxx_abi;
  uint64_t torch_abi_version = 0;
  uint32_t cpu_features = 0;  // of this machine
  uint32_t sizeof_string = 0, sizeof_tensor = 0, sizeof_core = 0, sizeof_readout = 0, sizeof_loss = 0;
};
HostBuild this_host();

// "AVX, AVX2, FMA" of plexiform_cpu_feature bits; "" of none.
std::string cpu_features_text(uint32_t features);

// All reasons why this host must not load the plugin, each naming both sides; empty: it fits.
std::vector<Problem> mismatches(const Note& note, const HostBuild& host);

}  // namespace plexiform::plugins
