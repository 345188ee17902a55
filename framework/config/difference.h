// Where two configs differ, by dotted path.
#pragma once

#include <config/node.h>

namespace plexiform::config {

struct Difference {
  std::string path;         // "model.core.kernel"
  std::string left, right;  // values on one line, as JSON; "" where there is none
};

// Values are compared as they are written, interpolations by their text; the order of keys does not count. In the order
// of `left`, then what only `right` has.
std::vector<Difference> differences(const Node& left, const Node& right);

// A line each: "trainer.max_epochs: 30 -> 50", "model.core.bias: only now, true".
std::string to_text(const std::vector<Difference>& differences);

}  // namespace plexiform::config
