// Source  the opcodes: CPython, Lib/pickletools.py; what an array is made of: NumPy's ndarray.__reduce__.
#include <c10/util/Exception.h>
#include <data/numpy_dtypes.h>
#include <simulation/layouts/pickle_file.h>

#include <bit>
#include <cstring>

namespace plexiform::simulation {
namespace {

template <class T>
std::string little_endian(T value) {
  std::string bytes(sizeof value, 0);
  std::memcpy(bytes.data(), &value, sizeof value);  // this code runs on little-endian machines only (platform.h)
  return bytes;
}

std::string integer(int64_t value) {
  if (value >= INT32_MIN && value <= INT32_MAX) return 'J' + little_endian(static_cast<int32_t>(value));
  return std::string("\x8a\x08") + little_endian(value);
}

std::string unicode(const std::string& text) { return 'X' + little_endian(static_cast<uint32_t>(text.size())) + text; }

std::string list(const std::vector<int64_t>& values, char end) {
  std::string bytes = end == 't' ? "(" : "](";
  for (const int64_t value : values) bytes += integer(value);
  return bytes + end;
}

std::string callable(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }

// numpy.dtype(code, False, True), of this machine's byte order.
std::string dtype(const std::string& code) {
  const bool byte = code[1] == '1';
  return callable("numpy", "dtype") + unicode(code) + "\x89\x88\x87R(" + integer(3) + unicode(byte ? "|" : "<") +
         "NNN" + integer(-1) + integer(-1) + integer(0) + "tb";
}

void write_array(files::AtomicFile& file, const at::Tensor& array) {
  const auto values = array.cpu().contiguous();
  const auto* known = data::find_numpy_dtype(values.scalar_type());
  TORCH_CHECK(known, "NumPy has no such dtype");
  const std::string nothing(
      "C\x01"
      "b",
      3);
  file.write(callable("numpy.core.multiarray", "_reconstruct") + callable("numpy", "ndarray") + integer(0) + "\x85" +
             nothing + "\x87R(" + integer(1) + list(values.sizes().vec(), 't') + dtype(std::string(known->code)) +
             "\x89\x8e" + little_endian(static_cast<uint64_t>(values.nbytes())));
  file.write(values.const_data_ptr(), values.nbytes());
  file.write("tb");
}

}  // namespace

void write_pickled_array(const std::string& file, const at::Tensor& values) {
  files::AtomicFile target(file);
  target.write("\x80\x04");
  write_array(target, values);
  target.write(".");
  target.commit();
}

PickleFile::PickleFile(const std::string& file) : file_(file) { put("\x80\x04}("); }

void PickleFile::begin(const std::string& key) { put(unicode(key) + "}("); }
void PickleFile::end() { put("u"); }

void PickleFile::array(const std::string& key, const at::Tensor& values) {
  put(unicode(key));
  write_array(file_, values);
}

void PickleFile::number(const std::string& key, double value) {
  std::string bytes = little_endian(value);
  put(unicode(key) + 'G' + std::string(bytes.rbegin(), bytes.rend()));
}

void PickleFile::text(const std::string& key, const std::string& value) { put(unicode(key) + unicode(value)); }

void PickleFile::integers(const std::string& key, const std::vector<int64_t>& values) {
  put(unicode(key) + list(values, 'e'));
}

void PickleFile::integers(int64_t key, const std::vector<int64_t>& values) { put(integer(key) + list(values, 'e')); }

void PickleFile::close() {
  put("u.");
  file_.commit();
}

}  // namespace plexiform::simulation
