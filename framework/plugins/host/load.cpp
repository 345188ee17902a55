#include <c10/util/Exception.h>
#include <plugins/host/load.h>
#include <plugins/host/plugin.h>
#include <plugins/host/running.h>

#include <cmath>
#include <cstring>

namespace plexiform::plugins {

namespace {

const Plugin& ready(Catalogue& catalogue, const PluginFile& file) {
  if (const Plugin* plugin = Plugin::loaded(file.path)) {
    catalogue.check_lock(file, plugin->sha256());
    return *plugin;
  }
  const std::string content = catalogue.prepare(file);
  catalogue.use(file, content);
  return Plugin::load(file.path, content);
}

template <size_t N>
std::string text(const char (&field)[N]) {
  return std::string(field, strnlen(field, N));
}

std::string describe(const std::string& component, const Note& note, const std::string& file) {
  return component + " (plugin " + note.plugin_id + " " + note.plugin_version + ", " + file + ")";
}

// JSON has no infinity: a component would be told null.
void check_finite(const std::string& name, const Json& value) {
  if (value.is_structured()) {
    for (const auto& [key, item] : value.items()) check_finite(name.empty() ? key : name + "." + key, item);
  }
  if (!value.is_number_float() || std::isfinite(value.get<double>())) return;
  throw Error(name, "is " + knobs::number(value.get<double>()), "use a finite number");
}

template <class Interface, class Context>
Created<Interface> create(Catalogue& catalogue, const char* kind, const std::string& target, const Json& knobs,
                          const Context& context) {
  const Found found = catalogue.find(target, kind);
  const Plugin& plugin = ready(catalogue, *found.file);
  const plexiform_component& component = plugin.find(kind, found.component.name);

  check_finite("", knobs);
  Created<Interface> created;
  std::string effective;
  const auto put = [](void* receiver, const char* part) { static_cast<std::string*>(receiver)->append(part); };
  plexiform_failure failure{};
  failure.struct_size = sizeof failure;
  const std::string report = "report it to the author of " + plugin.note().plugin_id;
  int failed = 1;
  const Site site{"", describe(found.component.name, plugin.note(), plugin.file()), plugin.note().plugin_id};
  const Running running(site, "create");
  try {
    // The shared SDK lets nothing out of it; another author's code may.
    failed = component.create(knobs.dump().c_str(), &context, &created.component, put, &effective, &failure);
  } catch (const Json::exception& e) {
    throw Error("", std::string("its values are no JSON: ") + e.what(), "use UTF-8 text");
  } catch (const std::exception& e) {
    throw Error("", target + " cannot be built: " + e.what(), report);
  } catch (...) {
    throw Error("", target + " cannot be built: an exception of unknown type", report);
  }
  if (failed) throw Error(text(failure.where), text(failure.problem), text(failure.fix));
  if (!created.component) throw Error(plugin.file(), found.component.name + " built nothing", report);

  auto& from = created.provenance;
  from.name = found.component.alias_of.empty() ? found.component.name : found.component.alias_of;
  from.target = target;
  from.plugin = plugin.note().plugin_id;
  from.version = plugin.note().plugin_version;
  from.file = plugin.file();
  from.label = site.label;
  from.sha256 = plugin.sha256();
  from.knobs = Json::parse(effective, nullptr, false);
  if (!from.knobs.is_object())
    throw Error(plugin.file(), found.component.name + " does not say its knobs' values", report);
  if (!found.file->changed.empty()) from.warnings.push_back(found.file->changed);
  if (const auto& loose = found.file->warning) {
    from.warnings.push_back(plugin.file() + ": " + loose->problem + " (fix: " + loose->fix + ")");
  }
  if (plugin.replaced()) {
    from.warnings.push_back(plugin.file() +
                            " was removed or replaced since it was loaded: this process goes on with what it loaded");
  }
  return created;
}

}  // namespace

Created<Core> create_core(Catalogue& catalogue, const std::string& target, const Json& knobs,
                          const CoreContext& context) {
  return create<Core>(catalogue, "core", target, knobs, context);
}

Created<Readout> create_readout(Catalogue& catalogue, const std::string& target, const Json& knobs,
                                const ReadoutContext& context) {
  return create<Readout>(catalogue, "readout", target, knobs, context);
}

Created<Loss> create_loss(Catalogue& catalogue, const std::string& target, const Json& knobs,
                          const LossContext& context) {
  return create<Loss>(catalogue, "loss", target, knobs, context);
}

Json list_knobs(Catalogue& catalogue, const std::string& target, const std::string& kind) {
  const Found found = catalogue.find(target, kind);
  const Plugin& plugin = ready(catalogue, *found.file);
  return describe_component(plugin.find(kind, found.component.name), plugin.file());
}

}  // namespace plexiform::plugins
