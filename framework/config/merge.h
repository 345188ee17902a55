// How one config goes on top of another, as OmegaConf merges: mappings merge, everything else is
// replaced whole.
#pragma once

#include <config/node.h>

namespace plexiform::config {

// Which keys a mapping may get from above.
enum class Keys {
  open,    // any
  closed,  // those that it has (Hydra's "struct mode" after composition)
};

// Puts `above` on top of the node at `path` of `root`. A null replaces; {} and ??? change nothing;
// the order of keys is kept, new keys follow. A mapping put on top of an interpolation of a mapping
// goes on top of a copy of what it points at. Throws Error for a list against a mapping, and for a
// new key where keys are closed.
void merge(Node& root, const std::string& path, const Node& above, Keys keys = Keys::open);

}  // namespace plexiform::config
