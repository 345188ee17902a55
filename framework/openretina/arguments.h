// What the model of a checkpoint was built from, as our configs say it.
#pragma once

#include <openretina/checkpoint.h>

namespace plexiform::openretina {

// {_target_: the model's class, its arguments}, for parts(). Where core and readout are whole pickled modules, the arguments
// that they were made from are put together from their attributes. What only the trainer or the data need is left out.
//   without  arguments that are known otherwise, and need not be read
// Throws Error for a class that is not known.
config::Node arguments_of(const Checkpoint& checkpoint, const std::vector<std::string>& without = {});

}  // namespace plexiform::openretina
