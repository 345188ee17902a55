// Arrays on disk: NumPy's .npy and data sets of HDF5 files, as tensors in C order with their own dtype.
// Errors  Error(file or "file: /data/set", what, fix): truncated, not an array, wrong byte order, unsupported dtype.
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/error.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace plexiform::data {

// dtypes uint8 int8 int16 int32 int64 float16 float32 float64 bool; unsigned 16, 32 and 64 bit widen to int32 and int64.
at::Tensor read_npy(const std::string& file);
// The shape and dtype alone, from the header: nothing else is read.
struct NpyHeader {
  std::vector<int64_t> shape;
  at::ScalarType dtype;
};
NpyHeader read_npy_header(const std::string& file);
// Writes to a temporary name beside `file`, then renames.
void write_npy(const std::string& file, const at::Tensor& array);

class Hdf5File {
 public:
  enum class Mode { read, create };
  explicit Hdf5File(const std::string& file, Mode mode = Mode::read);
  ~Hdf5File();
  Hdf5File(Hdf5File&&) noexcept;

  // Names of the data sets (groups end in "/") in a group, sorted. "" is the root.
  std::vector<std::string> names(const std::string& group = "") const;
  bool has(const std::string& path) const;
  std::vector<int64_t> shape(const std::string& path) const;
  at::Tensor read(const std::string& path) const;
  std::string read_text(const std::string& path) const;         // a scalar string
  void write(const std::string& path, const at::Tensor& array);  // groups on the way are made
  void write_text(const std::string& path, const std::string& text);

  const std::string& file() const;

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace plexiform::data
