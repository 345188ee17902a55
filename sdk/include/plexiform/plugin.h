// The one entry macro. A plugin source ends in
//
//   PLEXIFORM_CORE(Linear, "mylab.cores.Linear", "one bank of spatial filters")
//
// which defines the entry function, the descriptor and the note. Aliases, with other defaults where they need them, follow:
//
//   PLEXIFORM_CORE(Simple, "plexiform.cores.Simple", "...", plexiform::Alias<&Simple::other_defaults>{"other.Name"})
//
// A class needs `struct Params` (params.h) and a constructor (const CoreContext&, const Params&), and for a core
// (const Shape& stimulus, const Params&) will do. A file with several components lists them:
//
//   PLEXIFORM_PLUGIN(plexiform::core<A>("mylab.cores.A", "..."), plexiform::readout<B>("mylab.readouts.B", "..."))
#pragma once

#include <c10/util/Exception.h>
#include <plexiform/abi.h>
#include <plexiform/core.h>
#include <plexiform/loss.h>
#include <plexiform/params.h>
#include <plexiform/platform.h>
#include <plexiform/readout.h>

#include <array>
#include <cstring>
#include <functional>
#include <memory>

#ifndef PLEXIFORM_PLUGIN_ID  // set by plexiform_add_plugin
#error "build a plugin with plexiform_add_plugin(name sources...)"
#endif

namespace plexiform {

namespace entry {

inline void copy(char* to, size_t size, const std::string& text) {
  const size_t n = std::min(size - 1, text.size());
  std::memcpy(to, text.data(), n);
  to[n] = 0;
}

inline int fail(plexiform_failure* failure, const std::string& where, const std::string& problem,
                const std::string& fix, bool accident = false) {
  copy(failure->where, sizeof failure->where, where);
  copy(failure->problem, sizeof failure->problem, problem);
  copy(failure->fix, sizeof failure->fix, fix);
  if (failure->struct_size > offsetof(plexiform_failure, accident)) failure->accident = accident;
  return 1;
}

// No exception leaves a plugin's entry points.
template <class F>
int guarded(plexiform_failure* failure, F&& body) noexcept {
  static const char* const report = "report it to the plugin's author";
  try {
    body();
    return 0;
  } catch (const Error& e) {
    return fail(failure, e.where(), e.problem(), e.fix());
  } catch (const c10::Error& e) {
    const std::string text = e.what_without_backtrace();
    if (text.find("allocate") != std::string::npos || text.find("overflow") != std::string::npos) {
      return fail(failure, "", "not enough memory", "choose a smaller model");
    }
    return fail(failure, "", text, report, true);
  } catch (const std::bad_alloc&) {
    return fail(failure, "", "not enough memory", "choose a smaller model");
  } catch (const std::exception& e) {
    return fail(failure, "", e.what(), report, true);
  } catch (...) {
    return fail(failure, "", "an exception of unknown type", report, true);
  }
}

template <class T, auto defaults>
typename T::Params default_params() {
  if constexpr (std::is_null_pointer_v<decltype(defaults)>) {
    return {};
  } else {
    return defaults();
  }
}

template <class T, auto defaults>
int describe(plexiform_text put, void* receiver, plexiform_failure* failure) noexcept {
  return guarded(failure, [&] { put(receiver, list_params(default_params<T, defaults>()).dump().c_str()); });
}

template <class Interface, class Context, class T, auto defaults>
int create(const char* knobs, const void* context, void* out, plexiform_text put, void* receiver,
           plexiform_failure* failure) noexcept {
  return guarded(failure, [&] {
    auto params = default_params<T, defaults>();
    read_params(params, Json::parse(knobs));
    put(receiver, write_params(params).dump().c_str());
    const auto& given = *static_cast<const Context*>(context);
    auto& result = *static_cast<std::shared_ptr<Interface>*>(out);
    if constexpr (std::is_constructible_v<T, const Context&, const typename T::Params&>) {
      result = std::make_shared<T>(given, params);
    } else {
      result = std::make_shared<T>(given.stimulus, params);
    }
  });
}

constexpr size_t length(const char* s) {
  size_t n = 0;
  while (s[n]) ++n;
  return n;
}

constexpr void put(char* to, size_t& at, size_t size, const char* text) {
  for (size_t i = 0; text[i]; ++i) {
    if (at + 1 >= size) throw "too long for the plugin's note";
    to[at++] = text[i];
  }
}

constexpr const char* kind_name(uint32_t kind) {
  return kind == PLEXIFORM_CORE_KIND ? "core" : kind == PLEXIFORM_READOUT_KIND ? "readout" : "loss";
}

template <size_t N>
constexpr plexiform_note make_note(const std::array<plexiform_component, N>& components) {
  plexiform_note note = {};
  for (size_t i = 0; i < length(PLEXIFORM_NOTE_MAGIC); ++i) note.magic[i] = PLEXIFORM_NOTE_MAGIC[i];
  note.note_size = sizeof(plexiform_note);
  note.abi_major = PLEXIFORM_ABI_MAJOR;
  note.abi_minor = PLEXIFORM_ABI_MINOR;
  note.core_version = PLEXIFORM_CORE_VERSION;
  note.readout_version = PLEXIFORM_READOUT_VERSION;
  note.loss_version = PLEXIFORM_LOSS_VERSION;
#ifdef __AVX__
  note.cpu_features |= PLEXIFORM_CPU_AVX;
#endif
#ifdef __AVX2__
  note.cpu_features |= PLEXIFORM_CPU_AVX2;
#endif
#ifdef __FMA__
  note.cpu_features |= PLEXIFORM_CPU_FMA;
#endif
#ifdef __AVX512F__
  note.cpu_features |= PLEXIFORM_CPU_AVX512F;
#endif
  note.torch_abi_version = TORCH_ABI_VERSION;
  note.sizeof_tensor = sizeof(at::Tensor);
  note.sizeof_string = sizeof(std::string);
  note.sizeof_core = sizeof(Core);
  note.sizeof_readout = sizeof(Readout);
  note.sizeof_loss = sizeof(Loss);
  size_t at = 0;
  put(note.torch_version, at, sizeof note.torch_version, PLEXIFORM_TORCH_VERSION);
  put(note.platform, at = 0, sizeof note.platform, PLEXIFORM_PLATFORM);
  put(note.cxx_abi, at = 0, sizeof note.cxx_abi, PLEXIFORM_CXX_ABI);
  put(note.compiler, at = 0, sizeof note.compiler, PLEXIFORM_COMPILER);
  put(note.plugin_id, at = 0, sizeof note.plugin_id, PLEXIFORM_PLUGIN_ID);
  put(note.plugin_version, at = 0, sizeof note.plugin_version, PLEXIFORM_PLUGIN_VERSION);
  put(note.sdk_version, at = 0, sizeof note.sdk_version, PLEXIFORM_SDK_VERSION);
  at = 0;
  for (const auto& component : components) {
    put(note.components, at, sizeof note.components, kind_name(component.kind));
    put(note.components, at, sizeof note.components, "\t");
    put(note.components, at, sizeof note.components, component.name);
    put(note.components, at, sizeof note.components, "\t");
    if (component.alias_of) put(note.components, at, sizeof note.components, component.alias_of);
    put(note.components, at, sizeof note.components, "\t");
    put(note.components, at, sizeof note.components, component.summary);
    put(note.components, at, sizeof note.components, "\n");
  }
  note.components_size = static_cast<uint32_t>(at);
  return note;
}

template <size_t... N>
constexpr auto join(const std::array<plexiform_component, N>&... groups) {
  std::array<plexiform_component, (N + ...)> all = {};
  size_t i = 0;
  (([&] {
     for (const auto& component : groups) all[i++] = component;
   }()),
   ...);
  return all;
}

template <uint32_t kind, uint32_t version, class Interface, class Context, class T, auto defaults>
constexpr plexiform_component component(const char* name, const char* alias_of, const char* summary) {
  return {sizeof(plexiform_component),
          kind,
          version,
          0,
          name,
          alias_of,
          summary,
          &describe<T, defaults>,
          &create<Interface, Context, T, defaults>};
}

}  // namespace entry

// Another name for the same component; `defaults` is a function that returns its Params, null for the usual ones.
template <auto defaults = nullptr>
struct Alias {
  const char* name;
};

template <class T, auto... defaults>
constexpr std::array<plexiform_component, 1 + sizeof...(defaults)> core(const char* name, const char* summary,
                                                                        Alias<defaults>... aliases) {
  constexpr uint32_t kind = PLEXIFORM_CORE_KIND, version = PLEXIFORM_CORE_VERSION;
  return {entry::component<kind, version, Core, CoreContext, T, nullptr>(name, nullptr, summary),
          entry::component<kind, version, Core, CoreContext, T, defaults>(aliases.name, name, summary)...};
}

template <class T, auto... defaults>
constexpr std::array<plexiform_component, 1 + sizeof...(defaults)> readout(const char* name, const char* summary,
                                                                           Alias<defaults>... aliases) {
  constexpr uint32_t kind = PLEXIFORM_READOUT_KIND, version = PLEXIFORM_READOUT_VERSION;
  return {entry::component<kind, version, Readout, ReadoutContext, T, nullptr>(name, nullptr, summary),
          entry::component<kind, version, Readout, ReadoutContext, T, defaults>(aliases.name, name, summary)...};
}

template <class T, auto... defaults>
constexpr std::array<plexiform_component, 1 + sizeof...(defaults)> loss(const char* name, const char* summary,
                                                                        Alias<defaults>... aliases) {
  constexpr uint32_t kind = PLEXIFORM_LOSS_KIND, version = PLEXIFORM_LOSS_VERSION;
  return {entry::component<kind, version, Loss, LossContext, T, nullptr>(name, nullptr, summary),
          entry::component<kind, version, Loss, LossContext, T, defaults>(aliases.name, name, summary)...};
}

}  // namespace plexiform

#define PLEXIFORM_PLUGIN(...)                                                                                        \
  namespace {                                                                                                        \
  constexpr auto plexiform_components = plexiform::entry::join(__VA_ARGS__);                                         \
  __attribute__((section(PLEXIFORM_NOTE_SECTION), used)) constexpr plexiform_note plexiform_plugin_note =            \
      plexiform::entry::make_note(plexiform_components);                                                             \
  constexpr plexiform_plugin plexiform_plugin_descriptor = {                                                         \
      sizeof(plexiform_plugin),    PLEXIFORM_ABI_MAJOR,         PLEXIFORM_ABI_MINOR,         &plexiform_plugin_note, \
      plexiform_components.size(), sizeof(plexiform_component), plexiform_components.data(), nullptr};               \
  }                                                                                                                  \
  extern "C" __attribute__((visibility("default"))) const plexiform_plugin* plexiform_plugin_entry(                  \
      const plexiform_host*) {                                                                                       \
    return &plexiform_plugin_descriptor;                                                                             \
  }

#define PLEXIFORM_CORE(Type, ...) PLEXIFORM_PLUGIN(plexiform::core<Type>(__VA_ARGS__))
#define PLEXIFORM_READOUT(Type, ...) PLEXIFORM_PLUGIN(plexiform::readout<Type>(__VA_ARGS__))
#define PLEXIFORM_LOSS(Type, ...) PLEXIFORM_PLUGIN(plexiform::loss<Type>(__VA_ARGS__))
