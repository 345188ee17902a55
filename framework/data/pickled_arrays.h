// A dictionary of NumPy arrays that Python pickled, or a single array, read without running anything.
//
//   PickledArrays movies("rgc_natstim_18x16.pkl");
//   at::Tensor train = movies.array("train");
//
// Errors   Error(file or "file: key", what, fix): damaged, no dictionary, no such key, no array of numbers; a value that
//          only running code would give is refused by that code's name.
#pragma once

#include <ATen/core/Tensor.h>
#include <data/mapped_file.h>
#include <plexiform/pickle.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace plexiform::data {

class PickledArrays {
 public:
  explicit PickledArrays(const std::string& file);

  // "" is all of it: the array that was pickled alone. A key may lead into dictionaries of the dictionary: "movie_stats/dichromatic/mean".
  bool has(const std::string& key) const;  // false also for None
  // In C order, with its own dtype as array_files.h has them; read now: what nobody asks for stays in the file.
  at::Tensor array(const std::string& key) const;
  double number(const std::string& key) const;  // an int, a float, or an array of one element
  // The keys of the dictionary at `key` ("": the whole), integers written out.
  std::vector<std::string> keys(const std::string& key = "") const;
  // A list of integers, as a list, a torch.Size or an array.
  std::vector<int64_t> integers(const std::string& key) const;

  std::string place(const std::string& key) const { return key.empty() ? file_ : file_ + ": " + key; }

 private:
  PickleValue::Ref find(const std::string& key) const;
  PickleValue::Ref demand(const std::string& key) const;

  const std::string file_;
  const std::shared_ptr<const boost::interprocess::mapped_region> content_;  // what the pickle's bytes are views of
  const Pickle pickle_;
};

}  // namespace plexiform::data
