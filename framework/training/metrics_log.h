// Means of an epoch, and the history of all epochs as a CSV file.
#pragma once

#include <plexiform/params.h>

#include <map>
#include <string>
#include <vector>

namespace plexiform::training {

// Weighted means of named values, in the order in which the names first occurred.
class EpochMeans {
 public:
  void add(const std::string& name, double value, double weight);
  Json means() const;  // {name: mean}

  Json state() const;  // sums so far, for a checkpoint in the middle of an epoch
  void restore(const Json& state);

 private:
  struct Sum {
    double total = 0, weight = 0;
  };
  std::vector<std::pair<std::string, Sum>> sums_;
};

// Writes one row per epoch; columns are the union of all names, in order of first occurrence. The file is replaced whole.
void write_metrics_csv(const std::string& file, const Json& rows);

}  // namespace plexiform::training
