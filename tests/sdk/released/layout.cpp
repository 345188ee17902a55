// Prints what every compiled plugin has built into it of the headers: where fields lie, the order of virtuals, constants.
// Compiled once against the present headers and once against each release's; ../layout_test.cpp compares the two.
//
//   RULES<tab>NAME<tab>VALUE    RULES: the version that has to be raised before VALUE may change
//
// Lines are only added: for a field or a value of a later minor version, under `#if PLEXIFORM_ABI_MINOR >= 1`.
#include <plexiform/abi.h>
#include <plexiform/core.h>
#include <plexiform/error.h>
#include <plexiform/loss.h>
#include <plexiform/readout.h>

#if PLEXIFORM_ABI_MINOR >= 1
#include <plexiform/abilities.h>
#endif

#include <cstddef>
#include <cstdio>
#include <cstring>

using namespace plexiform;

namespace {

// As the compiler spells it.
template <class T>
std::string type() {
  return __PRETTY_FUNCTION__;
}

void say(const char* rules, const std::string& name, const std::string& value) {
  std::printf("%s\t%s\t%s\n", rules, name.c_str(), value.c_str());
}

template <class F>
void say_field(const char* rules, const std::string& name, size_t offset) {
  say(rules, name, "at " + std::to_string(offset) + ", " + std::to_string(sizeof(F)) + " bytes, " + type<F>());
}

// Its place in the table of virtuals, which a pointer to a virtual member holds (Itanium C++ ABI, 2.3).
template <class M>
void say_virtual(const char* rules, const std::string& name, M member) {
  size_t place = 0;
  std::memcpy(&place, &member, sizeof place);
  say(rules, name, "virtual at " + std::to_string(place) + ", " + type<M>());
}

template <class T>
struct Next : T {
  virtual void next();
};

// A virtual more of a derived class comes behind all that `T` has.
template <class T>
void say_virtuals_end(const char* rules, const std::string& name) {
  say_virtual(rules, name + "'s virtuals end", &Next<T>::next);
}

// Its version is its name.
template <class Ability>
void ability() {
  say("version", Ability::name.data(), "");
  say_virtuals_end<Ability>(Ability::name.data(), Ability::name.data());
}

std::string hex(const char* text) {
  std::string all;
  for (; *text; ++text) all += "0123456789abcdef"[(*text >> 4) & 15], all += "0123456789abcdef"[*text & 15];
  return all;
}

template <class Object, class Part>
void say_part(const std::string& name, const Object& object, const Part& part) {
  const auto offset = reinterpret_cast<const char*>(&part) - reinterpret_cast<const char*>(&object);
  say_field<Part>("abi", name, static_cast<size_t>(offset));
}

}  // namespace

#define FIELD(rules, S, field) say_field<decltype(S::field)>(rules, #S "." #field, offsetof(S, field))
#define VALUE(name) say("abi", #name, std::to_string(name))
#define TEXT(name) say("abi", #name, hex(name))
#define GROWS(S) say("abi", "size of " #S, "at least " + std::to_string(sizeof(S)))
#define FIXED(rules, S) say(rules, "size of " #S, std::to_string(sizeof(S)))
#define VIRTUAL(rules, S, member) say_virtual(rules, #S "::" #member, &S::member)

void component(const char* rules) {
  VIRTUAL(rules, Component, parameters);
  VIRTUAL(rules, Component, buffers);
  VIRTUAL(rules, Component, train);
  VIRTUAL(rules, Component, to);
  VIRTUAL(rules, Component, penalty);
  VIRTUAL(rules, Component, project);
  VIRTUAL(rules, Component, ability);
  say_virtuals_end<Component>(rules, "Component");
}

int main() {
  say("version", "abi", std::to_string(PLEXIFORM_ABI_MAJOR));
  say("version", "minor", std::to_string(PLEXIFORM_ABI_MINOR));
  say("version", "core", std::to_string(PLEXIFORM_CORE_VERSION));
  say("version", "readout", std::to_string(PLEXIFORM_READOUT_VERSION));
  say("version", "loss", std::to_string(PLEXIFORM_LOSS_VERSION));

  TEXT(PLEXIFORM_NOTE_SECTION);
  TEXT(PLEXIFORM_NOTE_MAGIC);
  TEXT(PLEXIFORM_ENTRY);
  VALUE(PLEXIFORM_CORE_KIND);
  VALUE(PLEXIFORM_READOUT_KIND);
  VALUE(PLEXIFORM_LOSS_KIND);
  VALUE(PLEXIFORM_CPU_AVX);
  VALUE(PLEXIFORM_CPU_AVX2);
  VALUE(PLEXIFORM_CPU_FMA);
  VALUE(PLEXIFORM_CPU_AVX512F);

  GROWS(plexiform_note);
  FIELD("abi", plexiform_note, magic);
  FIELD("abi", plexiform_note, note_size);
  FIELD("abi", plexiform_note, abi_major);
  FIELD("abi", plexiform_note, abi_minor);
  FIELD("abi", plexiform_note, core_version);
  FIELD("abi", plexiform_note, readout_version);
  FIELD("abi", plexiform_note, loss_version);
  FIELD("abi", plexiform_note, tier);
  FIELD("abi", plexiform_note, cpu_features);
  FIELD("abi", plexiform_note, torch_abi_version);
  FIELD("abi", plexiform_note, sizeof_tensor);
  FIELD("abi", plexiform_note, sizeof_string);
  FIELD("abi", plexiform_note, sizeof_core);
  FIELD("abi", plexiform_note, sizeof_readout);
  FIELD("abi", plexiform_note, sizeof_loss);
  FIELD("abi", plexiform_note, components_size);
  FIELD("abi", plexiform_note, torch_version);
  FIELD("abi", plexiform_note, platform);
  FIELD("abi", plexiform_note, cxx_abi);
  FIELD("abi", plexiform_note, compiler);
  FIELD("abi", plexiform_note, plugin_id);
  FIELD("abi", plexiform_note, plugin_version);
  FIELD("abi", plexiform_note, sdk_version);
  FIELD("abi", plexiform_note, components);

  GROWS(plexiform_failure);
  FIELD("abi", plexiform_failure, struct_size);
  FIELD("abi", plexiform_failure, where);
  FIELD("abi", plexiform_failure, problem);
  FIELD("abi", plexiform_failure, fix);
#if PLEXIFORM_ABI_MINOR >= 1
  FIELD("abi", plexiform_failure, accident);
#endif

  GROWS(plexiform_component);
  FIELD("abi", plexiform_component, struct_size);
  FIELD("abi", plexiform_component, kind);
  FIELD("abi", plexiform_component, kind_version);
  FIELD("abi", plexiform_component, flags);
  FIELD("abi", plexiform_component, name);
  FIELD("abi", plexiform_component, alias_of);
  FIELD("abi", plexiform_component, summary);
  FIELD("abi", plexiform_component, describe);
  FIELD("abi", plexiform_component, create);

  GROWS(plexiform_plugin);
  FIELD("abi", plexiform_plugin, struct_size);
  FIELD("abi", plexiform_plugin, abi_major);
  FIELD("abi", plexiform_plugin, abi_minor);
  FIELD("abi", plexiform_plugin, note);
  FIELD("abi", plexiform_plugin, component_count);
  FIELD("abi", plexiform_plugin, component_stride);
  FIELD("abi", plexiform_plugin, components);
  FIELD("abi", plexiform_plugin, extension);

  GROWS(plexiform_host);
  FIELD("abi", plexiform_host, struct_size);
  FIELD("abi", plexiform_host, abi_major);
  FIELD("abi", plexiform_host, abi_minor);
  FIELD("abi", plexiform_host, version);
  FIELD("abi", plexiform_host, extension);
  say("abi", "plexiform_entry_function", type<plexiform_entry_function>());

  // Passed by value or inside other structs: these cannot grow.
  FIXED("abi", Shape);
  FIELD("abi", Shape, channels);
  FIELD("abi", Shape, time);
  FIELD("abi", Shape, height);
  FIELD("abi", Shape, width);
  FIXED("abi", Named);
  FIELD("abi", Named, name);
  FIELD("abi", Named, tensor);
  FIXED("abi", Error);
  const Error error("", "", "");
  say_part("Error.where()", error, error.where());
  say_part("Error.problem()", error, error.problem());
  say_part("Error.fix()", error, error.fix());
  // Passed by reference.
  GROWS(Given);
  const Given given;
  say_part("Given.session()", given, given.session());

  component("core");
  FIXED("core", Core);
  VIRTUAL("core", Core, forward);
  VIRTUAL("core", Core, output_shape);
  VIRTUAL("core", Core, temporal);
  say_virtuals_end<Core>("core", "Core");
  FIXED("core", Temporal);
  FIELD("core", Temporal, history);
  FIELD("core", Temporal, causal);
  GROWS(CoreContext);
  FIELD("core", CoreContext, stimulus);
  FIELD("core", CoreContext, compat);
#if PLEXIFORM_ABI_MINOR >= 1
  FIELD("core", CoreContext, sessions);
  FIELD("core", CoreContext, state_follows);
#endif

  component("readout");
  FIXED("readout", Readout);
  VIRTUAL("readout", Readout, forward);
  say_virtuals_end<Readout>("readout", "Readout");
  GROWS(ReadoutContext);
  FIELD("readout", ReadoutContext, features);
  FIELD("readout", ReadoutContext, session);
  FIELD("readout", ReadoutContext, neurons);
  FIELD("readout", ReadoutContext, mean_activity);
  FIELD("readout", ReadoutContext, compat);
#if PLEXIFORM_ABI_MINOR >= 1
  FIELD("readout", ReadoutContext, info);
  FIELD("readout", ReadoutContext, first);
  ability<LooksBack>();
  VIRTUAL(LooksBack::name.data(), LooksBack, history);
#endif

  component("loss");
  FIXED("loss", Loss);
  VIRTUAL("loss", Loss, forward);
  VIRTUAL("loss", Loss, reduction);
  say_virtuals_end<Loss>("loss", "Loss");
  say("loss", "Reduction::mean", std::to_string(static_cast<int>(Reduction::mean)));
  say("loss", "Reduction::sum", std::to_string(static_cast<int>(Reduction::sum)));
  GROWS(LossContext);
  FIELD("loss", LossContext, compat);
#if PLEXIFORM_ABI_MINOR >= 1
  FIELD("loss", LossContext, sessions);
  FIXED("loss", SessionFacts);
  FIELD("loss", SessionFacts, name);
  FIELD("loss", SessionFacts, neurons);
  FIELD("loss", SessionFacts, info);
  ability<SessionLoss>();
  VIRTUAL(SessionLoss::name.data(), SessionLoss, forward);
#endif

#if PLEXIFORM_ABI_MINOR >= 1
  ability<Streaming>();
  VIRTUAL(Streaming::name.data(), Streaming, start);
  VIRTUAL(Streaming::name.data(), Streaming, step);
  ability<Pictures>();
  VIRTUAL(Pictures::name.data(), Pictures, pictures);
  ability<Taps>();
  VIRTUAL(Taps::name.data(), Taps, taps);
  ability<Penalties>();
  VIRTUAL(Penalties::name.data(), Penalties, penalties);
  ability<LinearDrive>();
  VIRTUAL(LinearDrive::name.data(), LinearDrive, weights);
  VIRTUAL(LinearDrive::name.data(), LinearDrive, offsets);
  VIRTUAL(LinearDrive::name.data(), LinearDrive, rates);
  ability<Inputs>();
  VIRTUAL(Inputs::name.data(), Inputs, inputs);
  FIXED(Inputs::name.data(), Input);
  FIELD(Inputs::name.data(), Input, name);
  FIELD(Inputs::name.data(), Input, axes);
  FIELD(Inputs::name.data(), Input, required);
  FIELD(Inputs::name.data(), Input, doc);
#endif
}
