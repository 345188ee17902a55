// Parts of a model that are not trained.
#pragma once

#include <model/model.h>

#include <string>
#include <vector>

namespace plexiform::training {

// Takes the parameters whose names match a pattern (`*` is any text) out of the training. Throws Error("frozen", ...) when a
// pattern matches none, or nothing is left to train.
void freeze(const model::Model& model, const std::vector<std::string>& patterns);

}  // namespace plexiform::training
