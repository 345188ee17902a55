// What a run is going to be, checked and printed before anything heavy: components, shapes, parameters, memory.
#pragma once

#include <data/batches.h>
#include <model/model.h>

namespace plexiform::model {

// Several lines for people.
std::string describe_plan(const Model& model, const data::Recordings& recordings, const data::Split& split,
                          const data::LoaderParams& loader);

}  // namespace plexiform::model
