// Interpolations: ${a.b}, ${.sibling}, ${oc.env:VAR,default}, ${now:%Y}, ${hydra:run.dir},
// ${len:${a}}.
#pragma once

#include <config/node.h>

#include <ctime>

namespace plexiform::config {

struct Resolvers {
  Node hydra;                            // what ${hydra:...} reads
  std::time_t now = std::time(nullptr);  // fixed for the run
};

// The whole tree with every interpolation replaced by its value; a `???` that is only pointed at
// stays one. Values keep the location where they are written. Throws Error for a missing key, a
// cycle, an unset variable, an unknown resolver.
Node resolve(const Node& root, const Resolvers& resolvers);

// One subtree (dotted path) of it, so that a command is not stopped by an interpolation it does not
// need. Throws Error when there is no such node, or when it is itself an interpolation of a `???`.
Node resolve_at(const Node& root, std::string_view path, const Resolvers& resolvers);

// The same for Hydra's own node: "run.dir", or "" for all of it. Its interpolations see `root` too.
Node resolve_hydra(const Node& root, std::string_view path, const Resolvers& resolvers);

// The node that the interpolation at `path` points at, through further ones; null for other texts.
const Node* pointed_at(const Node& root, std::string_view path);

}  // namespace plexiform::config
