// Numbers below 1e-38 are taken as 0: the far tails of Gaussian masks are full of them, and a CPU computes with each far more
// slowly than with others (epochs of a training on a real recording grew from 34 s to 94 s). Holds for the calling thread and
// for those that it starts later, so it is called before the first operator.
#pragma once

#include <ATen/Context.h>

namespace plexiform::model {

inline void flush_denormals() { at::globalContext().setFlushDenormal(true); }

}  // namespace plexiform::model
