// What a search draws from: the keys of a multirun with the values that each may take.
#pragma once

#include <string>
#include <vector>

namespace plexiform::config {

// One key of the space.
struct Dimension {
  enum class Kind {
    fixed,        // one value
    categorical,  // values without an order
    grid,         // values in order, of a range
    integer,      // low..high
    real          // low..high
  };
  Kind kind = Kind::fixed;
  std::string start;               // of its argument: "model.learning_rate=", "+a="
  std::vector<std::string> texts;  // the values of fixed, categorical and grid, as arguments
  double low = 0, high = 0;        // inclusive, of integer and real
  bool log = false;                // drawn evenly in the logarithm

  // The argument that sets a value: for categorical and grid the number of a text, else the value itself.
  std::string argument(double value) const;
  // The other way. Throws Error for an argument that is not of this dimension.
  double value(const std::string& argument) const;
};

// What an argument says of the space: a=3 is fixed; a=1,2 and choice(1,2) are categorical, range(1,9,2) is a grid;
// interval(0,1) is real, int(interval(1,9)) integer, and tag(log,interval(1e-4,1)) even in the logarithm. The names are
// those of Hydra's sweeper for Optuna. Throws Error.
Dimension dimension(const std::string& argument);

}  // namespace plexiform::config
