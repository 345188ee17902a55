// NumPy's .npy: magic, version, length of the header, a Python dict as text, the data.
// Source  NumPy enhancement proposal 1; numpy.lib.format of NumPy 2.
#include <ATen/ops/from_blob.h>
#include <data/allocate.h>
#include <data/array_files.h>
#include <data/input_file.h>
#include <data/numpy_dtypes.h>
#include <fcntl.h>
#include <files/atomic_file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace plexiform::data {

namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr uint64_t longest_header = 1 << 20;  // NumPy itself refuses more than 10,000 characters

struct Layout {
  NumpyDtype dtype;
  bool swapped = false;        // bytes in the order of another machine
  bool fortran_order = false;  // the first axis runs fastest
  std::vector<int64_t> shape;
  int64_t data_begin = 0, data_bytes = 0;
};

Error damaged(const std::string& file, const std::string& what) {
  return Error(file, what, "copy or download it again, or write it anew with numpy.save");
}

// What follows "'key':" in the header's dict.
std::string_view value_of(const std::string& file, std::string_view header, std::string_view key) {
  const auto quoted = fmt::format("'{}'", key);
  auto at = header.find(quoted);
  if (at != std::string_view::npos) at = header.find(':', at + quoted.size());
  if (at != std::string_view::npos) at = header.find_first_not_of(" ", at + 1);
  if (at == std::string_view::npos) throw damaged(file, fmt::format("its header has no {}", quoted));
  return header.substr(at);
}

NumpyDtype find_dtype(const std::string& file, std::string_view descr, bool& swapped) {
  const std::string_view accepted =
      "use uint8, int8 to int64, float16 to float64 or bool, as by array.astype('float32')";
  if (descr.empty() || descr[0] != '\'') {
    throw Error(file, "holds records of several fields", "save each field to a file of its own");
  }
  const auto text = descr.substr(1, descr.find('\'', 1) - 1);
  if (text.substr(0, 2) == "|O") {
    throw Error(file, "holds Python objects, not numbers", std::string(accepted));
  }
  const auto code = text.substr(std::min<size_t>(1, text.size()));
  const auto* found = find_numpy_dtype(code);
  if (!found) {
    throw Error(file, fmt::format("has the dtype '{}'", text), std::string(accepted));
  }
  swapped = text[0] == '>';  // this code runs on little-endian machines only (platform.h)
  return *found;
}

std::vector<int64_t> parse_shape(const std::string& file, std::string_view tuple) {
  const auto end = tuple.find(')');
  if (tuple.empty() || tuple[0] != '(' || end == std::string_view::npos) {
    throw damaged(file, "its header has no shape");
  }
  std::vector<int64_t> shape;
  const std::string inner(tuple.substr(1, end - 1));
  for (size_t at = inner.find_first_not_of(", "); at != std::string::npos;
       at = inner.find_first_not_of(", L", at)) {  // 3L: Python 2
    char* after = nullptr;
    errno = 0;
    const long long length = std::strtoll(inner.c_str() + at, &after, 10);
    if (after == inner.c_str() + at || errno != 0 || length < 0) {
      throw damaged(file, fmt::format("its header has the shape ({})", inner));
    }
    shape.push_back(length);
    at = after - inner.c_str();
  }
  return shape;
}

int64_t bytes_of(const std::string& file, const std::vector<int64_t>& shape, int64_t item) {
  int64_t bytes = item;
  for (const auto length : shape) {
    if (__builtin_mul_overflow(bytes, length, &bytes)) {
      throw damaged(file, fmt::format("its header has the shape ({})", fmt::join(shape, ", ")));
    }
  }
  return bytes;
}

Layout read_layout(const std::string& file, std::ifstream& stream) {
  std::array<unsigned char, 12> start = {};
  stream.read(reinterpret_cast<char*>(start.data()), 8);
  if (stream.gcount() < 8 || std::memcmp(start.data(), magic.data(), magic.size()) != 0) {
    throw Error(file, "is not a NumPy array file", "write it with numpy.save (not savez or savetxt)");
  }
  const int version = start[6];
  if (version < 1 || version > 3) {
    throw Error(file, fmt::format("has version {} of the .npy format, known are 1 to 3", version),
                "write it anew with numpy.save");
  }
  const int length_bytes = version == 1 ? 2 : 4;
  stream.read(reinterpret_cast<char*>(start.data() + 8), length_bytes);
  uint64_t header_bytes = 0;
  for (int i = length_bytes - 1; i >= 0; --i) header_bytes = header_bytes << 8 | start[8 + i];
  if (!stream || header_bytes > longest_header) throw damaged(file, "its header is damaged");
  std::string header(header_bytes, 0);
  if (!stream.read(header.data(), static_cast<int64_t>(header_bytes))) {
    throw damaged(file, "ends within its header");
  }

  Layout layout;
  layout.dtype = find_dtype(file, value_of(file, header, "descr"), layout.swapped);
  layout.fortran_order = value_of(file, header, "fortran_order").substr(0, 4) == "True";
  layout.shape = parse_shape(file, value_of(file, header, "shape"));
  layout.data_begin = 8 + length_bytes + static_cast<int64_t>(header_bytes);
  layout.data_bytes = bytes_of(file, layout.shape, static_cast<int64_t>(c10::elementSize(layout.dtype.stored)));
  const auto there = static_cast<int64_t>(std::filesystem::file_size(file)) - layout.data_begin;
  if (there != layout.data_bytes) {
    throw damaged(file, fmt::format("holds {} bytes of data where the shape ({}) needs {}", there,
                                    fmt::join(layout.shape, ", "), layout.data_bytes));
  }
  return layout;
}

void swap_bytes(char* data, int64_t bytes, int64_t item) {
  for (int64_t i = 0; i < bytes; i += item) std::reverse(data + i, data + i + item);
}

}  // namespace

NpyHeader read_npy_header(const std::string& file) {
  check_input_file(file);
  std::ifstream stream(file, std::ios::binary);
  const auto layout = read_layout(file, stream);
  return {layout.shape, layout.dtype.read_as};
}

at::Tensor read_npy(const std::string& file) {
  check_input_file(file);
  std::ifstream stream(file, std::ios::binary);
  const auto layout = read_layout(file, stream);
  auto shape = layout.shape;
  if (layout.fortran_order) std::reverse(shape.begin(), shape.end());
  auto array = allocate(file, shape, layout.dtype.stored);
  auto* const data = static_cast<char*>(array.mutable_data_ptr());
  stream.seekg(layout.data_begin);
  if (!stream.read(data, layout.data_bytes)) throw damaged(file, "cannot be read to its end");
  if (layout.swapped) swap_bytes(data, layout.data_bytes, array.element_size());
  return as_read(file, array, layout.dtype, layout.fortran_order);
}

at::Tensor read_or_map_npy(const std::string& file, int64_t most) {
  check_input_file(file);
  std::ifstream stream(file, std::ios::binary);
  const auto layout = read_layout(file, stream);
  const auto size = static_cast<int64_t>(c10::elementSize(layout.dtype.stored));
  const bool as_it_is = !layout.swapped && !layout.fortran_order && layout.dtype.stored == layout.dtype.read_as &&
                        layout.data_begin % size == 0;
  if (layout.data_bytes <= most || !as_it_is) return read_npy(file);
  const auto bytes = static_cast<size_t>(layout.data_begin + layout.data_bytes);
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  void* const mapped = descriptor < 0 ? MAP_FAILED : mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  const int problem = errno;
  if (descriptor >= 0) close(descriptor);
  if (mapped == MAP_FAILED) {
    throw Error(file, fmt::format("cannot be mapped into memory: {}", std::strerror(problem)),
                "copy it to a local disk, or use a machine with more memory");
  }
  return at::from_blob(
      static_cast<char*>(mapped) + layout.data_begin, layout.shape, [mapped, bytes](void*) { munmap(mapped, bytes); },
      at::TensorOptions().dtype(layout.dtype.stored));
}

void write_npy(const std::string& file, const at::Tensor& array) {
  const auto values = array.detach().cpu().contiguous();
  const auto* dtype = find_numpy_dtype(values.scalar_type());
  if (!dtype) {
    throw Error(file, fmt::format("cannot hold the dtype {}", c10::toString(values.scalar_type())),
                "convert the tensor, to float32 for example");
  }
  const bool byte = dtype->code[1] == '1';
  auto header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}", byte ? '|' : '<',
                            dtype->code, fmt::join(values.sizes(), ", "), values.dim() == 1 ? "," : "");
  const size_t before = magic.size() + 4;
  header.append(63 - (before + header.size()) % 64, ' ').append("\n");  // data start at 64 bytes

  files::AtomicFile target(file);
  target.write(magic);
  const char version_and_length[] = {1, 0, static_cast<char>(header.size() & 0xff),
                                     static_cast<char>(header.size() >> 8)};
  target.write(version_and_length, sizeof version_and_length);
  target.write(header);
  target.write(values.const_data_ptr(), values.nbytes());
  target.commit();
}

}  // namespace plexiform::data
