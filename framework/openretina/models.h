// openretina's whole models by name, as the composition that each of them is: a core, a readout for each session, a loss.
//
//   model:                                                                    model:
//     _target_: openretina.models.core_readout.ExampleCoreReadout       ->      core: {_target_: ..., channels: [2, 16], ...}
//     in_shape: [2, 50, 18, 16]                                                 readout: {_target_: ..., scale: true, ...}
//     hidden_channels: [16]                                                     loss: {_target_: ...}
//
// A model's node may name parts beside its arguments: `core`, `readout`, `loss` and `evaluation_loss` replace what the name
// would bring.
#pragma once

#include <config/node.h>

#include <string>
#include <vector>

namespace plexiform::openretina {

// The names that parts() knows.
const std::vector<std::string>& whole_models();

// `model` (resolved) with its `_target_` replaced by the parts; one that has none is made of its parts already. Arguments of
// openretina's that change nothing there are dropped, and functions of PyTorch become names (name_nonlinearity).
// Throws Error with a place in the config: an unknown model, a misspelt or missing argument.
//   filters  gets what the model says of the averages that its filters are made of (`sta_filters`); null: that is passed over
config::Node parts(const config::Node& model, config::Node* filters = nullptr);

// Puts the parts in the place of a config's `model`, and beside it what the config leaves out: `sta_filters`, and the optimizer and
// lr_scheduler that openretina has for a whole model.
void expand(config::Node& root);

// An argument that names a function of PyTorch (torch.nn.functional.softplus, with _partial_) as the readout's
// `nonlinearity`; other nodes are left as they are.
void name_nonlinearity(config::Node& readout);

}  // namespace plexiform::openretina
