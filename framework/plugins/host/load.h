// Creates cores, readouts and losses by the name that a config gives them. The only door from the host to plugins.
// Ownership  components are shared; their code stays loaded until the process ends.
// Threads    one at a time per catalogue.
#pragma once

#include <plexiform/core.h>
#include <plexiform/loss.h>
#include <plexiform/params.h>
#include <plexiform/readout.h>
#include <plugins/catalogue.h>

#include <memory>
#include <string>
#include <vector>

namespace plexiform::plugins {

// Where a component comes from, for the run record and the model bundle.
struct Provenance {
  std::string name;             // the component's own name, where the config said an alias too
  std::string target;           // as the config says it
  std::string plugin, version;  // the plugin's id and version
  std::string file, sha256;     // of what is loaded
  std::string label;            // for people: "lab.Net (plugin net 1.0.0, /plugins/net.plexiform.so)"
  Json knobs;                   // every knob's value, defaults included
  // Sentences to show: not what the last run used, replaced since it was loaded, every user may change it.
  std::vector<std::string> warnings;
};

template <class Interface>
struct Created {
  std::shared_ptr<Interface> component;
  Provenance provenance;
};

// Finds `target` (Catalogue::find), loads its plugin if that has not been done (Catalogue::prepare), and builds the
// component.
//   knobs  an object; Hydra's own keys (`_target_`, ...) taken out
// Throws Error. `where` is a knob's name ("kernels.1") when the component refuses the knobs, the plugin's file (an absolute
// path) when that cannot be used, "" when the component gives no place or no component has that name.
Created<Core> create_core(Catalogue&, const std::string& target, const Json& knobs, const CoreContext&);
Created<Readout> create_readout(Catalogue&, const std::string& target, const Json& knobs, const ReadoutContext&);
Created<Loss> create_loss(Catalogue&, const std::string& target, const Json& knobs, const LossContext&);

// [{"name", "type", "doc", "default", ...}]: the knobs of a component (plexiform/params.h, list_params).
Json list_knobs(Catalogue&, const std::string& target, const std::string& kind);

}  // namespace plexiform::plugins
