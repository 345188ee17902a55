// The checks, one file per topic. The table of each file is what it checks: name, promise, where the contract says so.
#pragma once

#include <string>
#include <vector>

#include "conformance.h"

namespace plexiform::conformance {

using Checks = std::vector<Check>;

Checks core_checks();     // shapes, history and causality
Checks readout_checks();  // shapes
Checks loss_checks();     // alignment, reduction, neurons

// For every kind (plexiform_kind):
Checks knob_checks();
Checks compute_checks(uint32_t kind);
Checks gradient_checks();
Checks state_checks();
Checks session_checks(uint32_t kind);
Checks surroundings_checks();  // what is left behind in the process
Checks ability_checks();
Checks learning_checks();

}  // namespace plexiform::conformance
