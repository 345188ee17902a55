// A dictionary of arrays as Python's pickle.dump writes it, protocol 4: what data/pickled_arrays.h reads.
//
//   PickleFile file("responses.pkl");
//   file.begin("movie_stats"); file.number("mean", 37.2); file.end();
//   file.array("train", movie);
//   file.close();
#pragma once

#include <ATen/core/Tensor.h>
#include <files/atomic_file.h>

#include <string>
#include <vector>

namespace plexiform::simulation {

class PickleFile {
 public:
  explicit PickleFile(const std::string& file);

  void begin(const std::string& key);  // a dictionary in the dictionary, up to end()
  void end();
  void array(const std::string& key, const at::Tensor& values);  // of any dtype of data/numpy_dtypes.h
  void number(const std::string& key, double value);
  void text(const std::string& key, const std::string& value);
  void integers(const std::string& key, const std::vector<int64_t>& values);  // a list
  void integers(int64_t key, const std::vector<int64_t>& values);             // under a number
  void close();

 private:
  void put(const std::string& bytes) { file_.write(bytes); }

  files::AtomicFile file_;
};

// An array that is pickled alone.
void write_pickled_array(const std::string& file, const at::Tensor& values);

}  // namespace plexiform::simulation
