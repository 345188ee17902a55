// The loaders that set whole trials aside for validation: `plexiform.data.Trials`, and openretina's two of
// sridhar_2025.dataloaders, whose other knobs say where the data are (sridhar_2025.h).
#pragma once

#include <config/node.h>
#include <data/batches.h>

#include <string>

namespace plexiform::data {

// The loader's `_target_`, or "" when it is none of these.
std::string trial_loader(const config::Node& root);

// Of such a loader. A training window has time_chunk_size frames that are predicted, and before them what the core needs
// for the first: num_of_frames, the temporal kernels, says how many.
LoaderParams read_trial_loader(const config::Node& root);

}  // namespace plexiform::data
