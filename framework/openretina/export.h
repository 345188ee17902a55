// A trained model's tensors as the state dict of openretina's model of the same parts, and the file that Python's
// torch.load reads.
#pragma once

#include <model/bundle.h>
#include <plugins/catalogue.h>

namespace plexiform::openretina {

struct Exported {
  std::string core, readout;  // openretina's names of the parts
  std::vector<Named> state;   // its keys, constants and copies included
  std::vector<std::string> notes;
};

// Throws Error for a part that openretina does not have, or not with these knobs.
//   folder  the bundle's, for errors
Exported export_state(const model::Bundle& bundle, const std::string& folder, plugins::Catalogue& catalogue);

// Writes what torch.save writes of a dict of tensors: torch.load reads it with weights_only=True. Whole or not at all.
void write_state_dict(const std::string& file, const std::vector<Named>& state);

}  // namespace plexiform::openretina
