#include <plexiform/error.h>
#include <plexiform/platform.h>
#include <plugins/elf.h>
#include <plugins/note.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <nlohmann/json.hpp>

namespace plexiform::plugins {

namespace {

// The note only grows at its end: what the first release had is always there.
constexpr size_t first_note_size = offsetof(plexiform_note, components) + sizeof(plexiform_note::components);

// Printed on terminals and written as JSON: control characters would reach both.
bool printable(const std::string& text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return false;
  }
  try {
    (void)nlohmann::json(text).dump();  // throws unless it is UTF-8
  } catch (const nlohmann::json::exception&) {
    return false;
  }
  return true;
}

struct Parser {
  const File& file;

  [[noreturn]] void damaged(const std::string& what) const {
    throw Error(file.path(), "has a damaged note: " + what, "copy or build it again");
  }

  template <size_t N>
  std::string text(const char (&field)[N], const char* name) const {
    const std::string value(field, strnlen(field, N));
    if (value.size() == N || !printable(value)) damaged(std::string(name) + " is no text");
    return value;
  }

  std::vector<ListedComponent> components(const plexiform_note& fields) const {
    if (fields.components_size > sizeof fields.components) damaged("its list of components is too long");
    std::vector<ListedComponent> all;
    std::string rest(fields.components, fields.components_size);
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      if (end == std::string::npos) damaged("its list of components is cut short");
      std::string line = rest.substr(0, end);
      rest.erase(0, end + 1);
      std::string parts[4];
      for (size_t i = 0; i < 4; ++i) {
        const size_t tab = i < 3 ? line.find('\t') : line.size();
        if (tab == std::string::npos) damaged("a component has too few fields");
        parts[i] = line.substr(0, tab);
        if (!printable(parts[i])) damaged("a component's name is no text");
        line.erase(0, tab + 1);
      }
      if (parts[1].empty()) damaged("a component has no name");
      for (const auto& other : all) {
        if (other.kind == parts[0] && other.name == parts[1]) damaged("it lists '" + parts[1] + "' twice");
      }
      all.push_back({parts[0], parts[1], parts[2], parts[3]});
    }
    return all;
  }

  void texts(Note& note) const {
    const auto& f = note.fields;
    note.torch_version = text(f.torch_version, "the LibTorch version");
    note.platform = text(f.platform, "the platform");
    note.cxx_abi = text(f.cxx_abi, "the C++ ABI");
    note.compiler = text(f.compiler, "the compiler");
    note.plugin_id = text(f.plugin_id, "the plugin's id");
    note.plugin_version = text(f.plugin_version, "the plugin's version");
    note.sdk_version = text(f.sdk_version, "the SDK's version");
    note.components = components(f);
    if (note.plugin_id.empty()) damaged("it has no plugin id");
  }
};

bool has(const Note& note, const std::string& kind) {
  return std::any_of(note.components.begin(), note.components.end(),
                     [&](const auto& component) { return component.kind == kind; });
}

std::string abi_text(unsigned major, unsigned minor) { return std::to_string(major) + "." + std::to_string(minor); }

}  // namespace

std::string cpu_features_text(uint32_t features) {
  std::string text;
  for (const auto& [bit, name] : {std::pair{PLEXIFORM_CPU_AVX, "AVX"},
                                  {PLEXIFORM_CPU_AVX2, "AVX2"},
                                  {PLEXIFORM_CPU_FMA, "FMA"},
                                  {PLEXIFORM_CPU_AVX512F, "AVX-512F"}}) {
    if (features & bit) text += (text.empty() ? "" : ", ") + std::string(name);
  }
  const uint32_t unknown = features & ~uint32_t{15};
  if (unknown) text += (text.empty() ? "" : ", ") + ("features of bits " + std::to_string(unknown));
  return text;
}

Note read_note(const File& file) {
  const std::string bytes = read_section(file, PLEXIFORM_NOTE_SECTION);
  const Parser parser{file};
  if (bytes.size() < first_note_size) parser.damaged("it is too short");
  Note note;
  std::memcpy(&note.fields, bytes.data(), std::min(bytes.size(), sizeof note.fields));
  if (std::memcmp(note.fields.magic, PLEXIFORM_NOTE_MAGIC, sizeof PLEXIFORM_NOTE_MAGIC) != 0) {
    parser.damaged("its first bytes are wrong (a transfer in text mode?)");
  }
  if (note.fields.note_size < first_note_size || note.fields.note_size > bytes.size())
    parser.damaged("its size is wrong");
  try {
    parser.texts(note);
  } catch (const Error&) {
    if (note.fields.abi_major == PLEXIFORM_ABI_MAJOR) throw;
  }
  return note;
}

HostBuild this_host() {
  HostBuild host;
  host.torch_version = PLEXIFORM_TORCH_VERSION;
  host.platform = PLEXIFORM_PLATFORM;
  host.cxx_abi = PLEXIFORM_CXX_ABI;
  host.torch_abi_version = TORCH_ABI_VERSION;
  host.sizeof_string = sizeof(std::string);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx")) host.cpu_features |= PLEXIFORM_CPU_AVX;
  if (__builtin_cpu_supports("avx2")) host.cpu_features |= PLEXIFORM_CPU_AVX2;
  if (__builtin_cpu_supports("fma")) host.cpu_features |= PLEXIFORM_CPU_FMA;
  if (__builtin_cpu_supports("avx512f")) host.cpu_features |= PLEXIFORM_CPU_AVX512F;
#endif
  return host;
}

std::vector<Problem> mismatches(const Note& note, const HostBuild& host) {
  const auto& f = note.fields;
  const std::string rebuild = "rebuild the plugin with this host's sdk/";
  std::vector<Problem> all;
  const auto add = [&](const std::string& problem, const std::string& fix) { all.push_back({problem, fix}); };

  const bool newer = f.abi_major > PLEXIFORM_ABI_MAJOR || f.abi_minor > PLEXIFORM_ABI_MINOR;
  if (f.abi_major != PLEXIFORM_ABI_MAJOR || f.abi_minor > PLEXIFORM_ABI_MINOR) {
    add("built for plugin ABI " + abi_text(f.abi_major, f.abi_minor) + ", this host speaks " +
            abi_text(PLEXIFORM_ABI_MAJOR, PLEXIFORM_ABI_MINOR),
        newer ? "update Plexiform, or " + rebuild : rebuild);
  }
  if (f.abi_major != PLEXIFORM_ABI_MAJOR) return all;  // the later fields may mean something else
  if (f.tier != 0) {
    add("is a plugin of tier " + std::to_string(f.tier) + ", this host loads tier 0", "update Plexiform");
  }

  const auto interface = [&](const std::string& kind, unsigned theirs, unsigned ours) {
    if (theirs == ours || !has(note, kind)) return;
    add("built for version " + std::to_string(theirs) + " of the " + kind + " interface, this host speaks " +
            std::to_string(ours),
        theirs > ours ? "update Plexiform, or " + rebuild : rebuild);
  };
  interface("core", f.core_version, PLEXIFORM_CORE_VERSION);
  interface("readout", f.readout_version, PLEXIFORM_READOUT_VERSION);
  interface("loss", f.loss_version, PLEXIFORM_LOSS_VERSION);

  // Major and minor only: within a minor version LibTorch keeps its ABI.
  if (f.torch_abi_version >> 48 != host.torch_abi_version >> 48) {
    add("built for LibTorch " + note.torch_version + ", this host for LibTorch " + host.torch_version,
        "rebuild the plugin with LibTorch " + host.torch_version);
  }
  if (note.platform != host.platform) {
    add("built for " + note.platform + ", this host for " + host.platform, "rebuild the plugin on this platform");
  }
  if (note.cxx_abi != host.cxx_abi) {
    add("built with the C++ library " + note.cxx_abi + ", this host with " + host.cxx_abi,
        "rebuild the plugin with a compiler that uses " + host.cxx_abi);
  }
  if (const uint32_t lacking = f.cpu_features & ~host.cpu_features) {
    const std::string ours = cpu_features_text(host.cpu_features);
    add("needs a CPU with " + cpu_features_text(lacking) + ", this one has " + (ours.empty() ? "none of it" : ours),
        "rebuild the plugin without -march flags, or use another machine");
  }

  const auto size = [&](const char* type, uint32_t theirs, uint32_t ours) {
    if (ours == 0 || theirs == ours) return;
    add("its " + std::string(type) + " has " + std::to_string(theirs) + " bytes, this host's has " +
            std::to_string(ours),
        rebuild);
  };
  size("std::string", f.sizeof_string, host.sizeof_string);
  size("Tensor", f.sizeof_tensor, host.sizeof_tensor);
  size("Core", f.sizeof_core, host.sizeof_core);
  size("Readout", f.sizeof_readout, host.sizeof_readout);
  size("Loss", f.sizeof_loss, host.sizeof_loss);
  return all;
}

}  // namespace plexiform::plugins
