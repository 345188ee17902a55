// Arrays on disk: NumPy's .npy and data sets of HDF5 files, as tensors in C order with their own
// dtype.
// dtypes   uint8 int8 int16 int32 int64 float16 float32 float64 bool, of either byte order.
//          Unsigned 16 bit are read as int32, unsigned 32 and 64 bit as int64 (an Error when a
//          value does not fit).
// Errors   Error(file or "file: /data/set", what, fix): missing, truncated, not an array,
//          unsupported dtype, no memory.
// Writing  A file appears under its name when it is complete, and replaces an older one then; a
//          failure leaves the older one as it was. The same arrays give the same bytes. An HDF5
//          file is in memory until it is closed, unless it is made for large arrays.
// Threads  HDF5 is not built for several at a time: one Hdf5File call at once in the whole process.
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/error.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace plexiform::data {

// Format  numpy.lib.format versions 1 to 3, C or Fortran order.
at::Tensor read_npy(const std::string& file);
// The same; data of more than `most` bytes that need no conversion (C order, this machine's bytes) stay in the
// file and are mapped, read-only: pages come and go as they are used. The file must stay as it is as long as the tensor.
at::Tensor read_or_map_npy(const std::string& file, int64_t most);
// The shape and dtype (the one that read_npy would give) alone, from the header: the data are not
// read, but their length is checked against the file's.
struct NpyHeader {
  std::vector<int64_t> shape;
  at::ScalarType dtype;
};
NpyHeader read_npy_header(const std::string& file);
void write_npy(const std::string& file, const at::Tensor& array);
// A list of texts, as numpy.save writes numpy.array(["train", ...]) (dtype <U5), or of bytes (S5).
std::vector<std::string> read_npy_texts(const std::string& file);
void write_npy_texts(const std::string& file, const std::vector<std::string>& texts);
// As read_npy, but the values stay in the file until they are looked at, and are not to be written to: for movies that
// are larger than memory. The axes of an array in Fortran order come as strides. An array that has to be converted
// (bytes of another order, unsigned numbers of more than 8 bits) is read.
at::Tensor map_npy(const std::string& file);

// An array that is written along its first axis, piece by piece; its file appears when it is complete.
class NpyWriter {
 public:
  NpyWriter(const std::string& file, at::ScalarType dtype, const std::vector<int64_t>& shape);
  ~NpyWriter();
  void append(const at::Tensor& rows);  // of that dtype
  void close();                         // after as many rows as `shape` says

 private:
  struct File;
  std::unique_ptr<File> file_;
};

class Hdf5File {
 public:
  enum class Mode { read, create, create_large };  // large: on the disk from the beginning
  explicit Hdf5File(const std::string& file, Mode mode = Mode::read);
  ~Hdf5File();  // a created file that was not closed is thrown away
  Hdf5File(Hdf5File&&) noexcept;

  // Names of the data sets (groups end in "/") in a group, sorted. "" is the root.
  std::vector<std::string> names(const std::string& group = "") const;
  // Whether there is a data set or group of that path.
  bool has(const std::string& path) const;
  std::vector<int64_t> shape(const std::string& path) const;
  at::Tensor read(const std::string& path) const;
  // The same; more than `most` bytes that need no conversion and are not compressed stay in the file and are mapped, as
  // read_or_map_npy does it.
  at::Tensor read_or_map(const std::string& path, int64_t most) const;
  bool is_text(const std::string& path) const;
  std::string read_text(const std::string& path) const;  // a scalar string
  // An attribute of a group or data set: a text, or one number written out; nothing when it is not there.
  std::optional<std::string> attribute(const std::string& path, const std::string& name) const;
  // One of that name is replaced.
  void write_attribute(const std::string& path, const std::string& name, const std::string& text);
  void write_attribute(const std::string& path, const std::string& name, int64_t number);
  void write_attribute(const std::string& path, const std::string& name, double number);
  void write(const std::string& path, const at::Tensor& array);  // groups on the way are made
  void write_text(const std::string& path, const std::string& text);
  void make_group(const std::string& path);  // unless it is there
  // A data set or group of another file as it is there, of any type, with all that is in it and its attributes; a link's
  // target takes the link's place. `from` "" is the other file's whole content, into the group `to`, made if need be.
  void copy(const Hdf5File& other, const std::string& from, const std::string& to);
  void copy_attributes(const Hdf5File& other, const std::string& from, const std::string& to);
  // Ends the use of the file; a created one appears under its name now.
  void close();

  const std::string& file() const;

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace plexiform::data
