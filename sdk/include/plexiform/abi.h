// The contract between host and plugin, in plain C. A plugin exports one function, `plexiform_plugin_entry`, and carries
// a flat copy of what must agree, the *note*, in the ELF section "plexiform_note": the host reads it from the file and
// refuses a stranger before any of its code runs. Nothing runs at load: both are constant-initialised.
// Rules      a struct only grows at its end; `struct_size` says how much of it the plugin knows; text is UTF-8 and static.
// Rationale  dlopen does not notice another LibTorch, and a damaged file kills the process: only this check refuses them.
#pragma once

#include <stdint.h>

#define PLEXIFORM_ABI_MAJOR 1  // a field moved, another meaning or owner
#define PLEXIFORM_ABI_MINOR 1  // a field at the end, another kind, an optional ability
// Interface versions: raised when a virtual, a signature or the meaning of a tensor changes.
#define PLEXIFORM_CORE_VERSION 1
#define PLEXIFORM_READOUT_VERSION 1
#define PLEXIFORM_LOSS_VERSION 1

#define PLEXIFORM_NOTE_SECTION "plexiform_note"
#define PLEXIFORM_NOTE_MAGIC "\x89plexiform\r\n\x1a\n"  // CR LF: a transfer in text mode shows
#define PLEXIFORM_ENTRY "plexiform_plugin_entry"

#ifdef __cplusplus
extern "C" {
#endif

enum plexiform_kind { PLEXIFORM_CORE_KIND = 1, PLEXIFORM_READOUT_KIND = 2, PLEXIFORM_LOSS_KIND = 3 };

enum plexiform_cpu_feature {
  PLEXIFORM_CPU_AVX = 1,
  PLEXIFORM_CPU_AVX2 = 2,
  PLEXIFORM_CPU_FMA = 4,
  PLEXIFORM_CPU_AVX512F = 8
};

// Flat bytes, little endian, no pointers.
struct plexiform_note {
  char magic[16];
  uint32_t note_size;
  uint16_t abi_major, abi_minor;
  uint16_t core_version, readout_version, loss_version;
  uint16_t tier;               // 0: C++ interfaces over LibTorch of the same minor version
  uint32_t cpu_features;       // what the code needs: plexiform_cpu_feature, or'ed
  uint64_t torch_abi_version;  // TORCH_ABI_VERSION: major and minor are its upper 16 bits
  uint32_t sizeof_tensor, sizeof_string, sizeof_core, sizeof_readout, sizeof_loss;
  uint32_t components_size;  // bytes used of `components`
  char torch_version[32];    // "2.13.0"
  char platform[32];         // "linux-x86_64"
  char cxx_abi[32];          // "libstdc++-cxx11"
  char compiler[64];         // for display
  char plugin_id[64];        // "simple"; two files with one id: the earlier on the search path wins
  char plugin_version[32];
  char sdk_version[32];
  // One line per name: kind TAB name TAB "" or the name it is an alias of TAB summary LF
  char components[4096];
};

// Filled by `create` and `describe` when they fail; owned by the caller.
struct plexiform_failure {
  uint32_t struct_size;
  char where[256];  // a knob's name, or ""
  char problem[1024];
  char fix[1024];
  uint32_t accident;  // since 1.1: 1 for an exception that the author did not mean for users
};

// Receives text that is only valid during the call.
typedef void (*plexiform_text)(void* receiver, const char* text);

struct plexiform_component {
  uint32_t struct_size;
  uint32_t kind;          // plexiform_kind
  uint32_t kind_version;  // PLEXIFORM_CORE_VERSION, ...
  uint32_t flags;         // none yet
  const char* name;       // a `_target_`
  const char* alias_of;   // NULL, or the name of the component that this is an alias of: same code, other defaults
  const char* summary;
  // The knobs as JSON (params.h, list_params). 0 on success.
  int (*describe)(plexiform_text put, void* receiver, struct plexiform_failure* failure);
  // Builds a component. 0 on success.
  //   knobs    a JSON object
  //   context  const plexiform::CoreContext*, ReadoutContext* or LossContext*
  //   out      std::shared_ptr<plexiform::Core>*, <Readout>* or <Loss>*, assigned on success
  //   put      receives the values of all knobs, defaults included, as JSON (for the run record)
  int (*create)(const char* knobs, const void* context, void* out, plexiform_text put, void* receiver,
                struct plexiform_failure* failure);
};

struct plexiform_plugin {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  const struct plexiform_note* note;
  uint32_t component_count;
  uint32_t component_stride;  // sizeof(plexiform_component) in the plugin: step by this
  const struct plexiform_component* components;
  const void* (*extension)(const char* id);  // NULL, or abilities of the plugin by name; no host asks yet
};

// Valid as long as the process.
struct plexiform_host {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  const char* version;
  const void* (*extension)(const char* id);  // never NULL; returns NULL for what it does not know, today everything
};

// The one exported symbol. NULL: the plugin refuses this host.
typedef const struct plexiform_plugin* (*plexiform_entry_function)(const struct plexiform_host*);

#ifdef __cplusplus
}
#endif
