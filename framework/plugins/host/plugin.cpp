#include <plexiform/core.h>
#include <plexiform/error.h>
#include <plexiform/loss.h>
#include <plexiform/params.h>
#include <plexiform/readout.h>
#include <plugins/host/plugin.h>
#include <plugins/library.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

namespace plexiform::plugins {

namespace {

// What the first release had of each struct; a plugin's may be longer.
constexpr size_t first_plugin_size = offsetof(plexiform_plugin, extension) + sizeof(plexiform_plugin::extension);
constexpr size_t first_component_size = offsetof(plexiform_component, create) + sizeof(plexiform_component::create);

const char* const use_the_macro = "build it with plexiform_add_plugin and the macros of plexiform/plugin.h";

struct Loaded {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Plugin>> by_file;
};
Loaded& all_loaded() {
  static auto& all = *new Loaded;  // never destroyed: other threads may still ask while the process ends
  return all;
}

const void* no_extension(const char*) { return nullptr; }

const plexiform_component& at(const plexiform_plugin& plugin, uint32_t i) {
  return *reinterpret_cast<const plexiform_component*>(reinterpret_cast<const char*>(plugin.components) +
                                                       size_t{i} * plugin.component_stride);
}

const char* kind_name(uint32_t kind) {
  switch (kind) {
    case PLEXIFORM_CORE_KIND:
      return "core";
    case PLEXIFORM_READOUT_KIND:
      return "readout";
    case PLEXIFORM_LOSS_KIND:
      return "loss";
    default:
      return "";
  }
}

}  // namespace

const Plugin& Plugin::load(const std::string& file, const std::string& sha256) {
  Loaded& all = all_loaded();
  const std::lock_guard lock(all.mutex);
  auto& plugin = all.by_file[file];
  if (!plugin) {
    auto opened = std::make_unique<Plugin>();
    opened->file_ = file;
    opened->sha256_ = sha256;
    opened->open();
    plugin = std::move(opened);
  }
  return *plugin;
}

const Plugin* Plugin::loaded(const std::string& file) {
  Loaded& all = all_loaded();
  const std::lock_guard lock(all.mutex);
  const auto found = all.by_file.find(file);
  if (found == all.by_file.end() || !found->second) return nullptr;
  const Plugin& plugin = *found->second;
  if (plugin.replaced()) return &plugin;
  const File now(file);
  if (!(now.stamp() == plugin.stamp_) && now.sha256() != plugin.sha256_) {
    throw Error(file, "was overwritten while it was loaded: its code in memory can no longer be trusted",
                "start again; install plugins by renaming them into place (install, mv), never by "
                "writing into the file (cp)");
  }
  return &plugin;
}

bool Plugin::replaced() const {
  try {
    const Stamp now = File(file_).stamp();
    return now.device != stamp_.device || now.inode != stamp_.inode;
  } catch (const Error&) {
    return true;
  }
}

void Plugin::open() {
  const File before(file_);
  stamp_ = before.stamp();
  note_ = read_note(before);
  HostBuild host = this_host();
  host.sizeof_tensor = sizeof(at::Tensor);
  host.sizeof_core = sizeof(Core);
  host.sizeof_readout = sizeof(Readout);
  host.sizeof_loss = sizeof(Loss);
  for (const auto& mismatch : mismatches(note_, host)) throw Error(file_, mismatch.problem, mismatch.fix);

  const auto entry = reinterpret_cast<plexiform_entry_function>(open_function(file_, PLEXIFORM_ENTRY));
  static constexpr plexiform_host self = {sizeof(plexiform_host), PLEXIFORM_ABI_MAJOR, PLEXIFORM_ABI_MINOR,
                                          PLEXIFORM_VERSION, &no_extension};
  try {
    descriptor_ = entry(&self);
  } catch (...) {
    throw Error(file_, "its entry function throws", use_the_macro);
  }
  if (!descriptor_) {
    throw Error(file_,
                "refuses this host (Plexiform " PLEXIFORM_VERSION ", plugin ABI " +
                    std::to_string(PLEXIFORM_ABI_MAJOR) + "." + std::to_string(PLEXIFORM_ABI_MINOR) + ")",
                "ask its author which versions it works with");
  }
  check_descriptor();
}

void Plugin::check_descriptor() const {
  const auto refuse = [&](const std::string& problem) {
    throw Error(file_, "breaks the plugin contract: " + problem, use_the_macro);
  };
  const plexiform_plugin& plugin = *descriptor_;
  if (plugin.struct_size < first_plugin_size) {
    refuse("its descriptor has " + std::to_string(plugin.struct_size) + " bytes, not at least " +
           std::to_string(first_plugin_size));
  }
  if (plugin.abi_major != note_.fields.abi_major || plugin.abi_minor != note_.fields.abi_minor || !plugin.note) {
    refuse("its descriptor and its note disagree");
  }
  const size_t note_size = std::min<size_t>(note_.fields.note_size, sizeof note_.fields);
  if (std::memcmp(plugin.note, &note_.fields, note_size) != 0) {
    if (File(file_).stamp() == stamp_) refuse("its descriptor and its note disagree");
    throw Error(file_, "was replaced while it was being loaded", "start again");
  }
  if (plugin.component_stride < first_component_size || plugin.component_stride % alignof(plexiform_component) != 0) {
    refuse("its components are " + std::to_string(plugin.component_stride) + " bytes apart, not at least " +
           std::to_string(first_component_size));
  }
  if (plugin.component_count != note_.components.size() || (plugin.component_count && !plugin.components)) {
    refuse("it has " + std::to_string(plugin.component_count) + " components, its note lists " +
           std::to_string(note_.components.size()));
  }
  for (uint32_t i = 0; i < plugin.component_count; ++i) {
    const plexiform_component& c = plexiform::plugins::at(plugin, i);
    const ListedComponent& listed = note_.components[i];
    if (c.struct_size < first_component_size || c.struct_size > plugin.component_stride) {
      refuse("component " + std::to_string(i + 1) + " has " + std::to_string(c.struct_size) + " bytes, not " +
             std::to_string(first_component_size) + " to " + std::to_string(plugin.component_stride));
    }
    if (!c.name || !c.describe || !c.create || listed.name != c.name || listed.kind != kind_name(c.kind) ||
        listed.alias_of != (c.alias_of ? c.alias_of : "")) {
      refuse("component " + std::to_string(i + 1) + " is not the '" + listed.name + "' of its note");
    }
    const auto& note = note_.fields;
    const uint32_t version = c.kind == PLEXIFORM_CORE_KIND      ? note.core_version
                             : c.kind == PLEXIFORM_READOUT_KIND ? note.readout_version
                                                                : note.loss_version;
    if (c.kind_version != version) {
      refuse(listed.name + " is for version " + std::to_string(c.kind_version) + " of the " + listed.kind +
             " interface, its note says " + std::to_string(version));
    }
  }
}

const plexiform_component& Plugin::find(const std::string& kind, const std::string& name) const {
  for (uint32_t i = 0; i < descriptor_->component_count; ++i) {
    const auto& component = plexiform::plugins::at(*descriptor_, i);
    if (name == component.name && kind == kind_name(component.kind)) return component;
  }
  throw Error(file_, "has no " + kind + " named '" + name + "'", "start again: the file was replaced meanwhile");
}

nlohmann::ordered_json Plugin::describe() const {
  auto all = nlohmann::ordered_json::array();
  for (uint32_t i = 0; i < descriptor_->component_count; ++i) {
    const auto& component = plexiform::plugins::at(*descriptor_, i);
    all.push_back({{"kind", kind_name(component.kind)},
                   {"name", component.name},
                   {"knobs", describe_component(component, file_)}});
  }
  return all;
}

nlohmann::ordered_json describe_component(const plexiform_component& component, const std::string& file) {
  std::string text;
  const auto put = [](void* receiver, const char* part) { static_cast<std::string*>(receiver)->append(part); };
  plexiform_failure failure{};
  failure.struct_size = sizeof failure;
  int failed = 1;
  try {
    failed = component.describe(put, &text, &failure);
  } catch (...) {
    throw Error(file, std::string(component.name) + " throws when asked for its knobs", use_the_macro);
  }
  auto knobs = nlohmann::ordered_json::parse(text, nullptr, false);
  if (failed || !knobs.is_array()) {
    throw Error(
        file,
        std::string(component.name) + " does not describe its knobs" +
            (failed ? ": " + std::string(failure.problem, strnlen(failure.problem, sizeof failure.problem)) : ""),
        "report it to the plugin's author");
  }
  return knobs;
}

}  // namespace plexiform::plugins
