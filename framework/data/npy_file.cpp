// NumPy's .npy: magic, version, length of the header, a Python dict as text, the data.
// Source  NumPy enhancement proposal 1; numpy.lib.format of NumPy 2.
#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>
#include <data/allocate.h>
#include <data/array_files.h>
#include <data/input_file.h>
#include <data/mapped_file.h>
#include <data/numpy_dtypes.h>
#include <files/atomic_file.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>

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

// The dict of the header; the stream is left at the data.
std::string read_header(const std::string& file, std::ifstream& stream) {
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
  return header;
}

Layout read_layout(const std::string& file, std::ifstream& stream) {
  const std::string header = read_header(file, stream);
  Layout layout;
  layout.dtype = find_dtype(file, value_of(file, header, "descr"), layout.swapped);
  layout.fortran_order = value_of(file, header, "fortran_order").substr(0, 4) == "True";
  layout.shape = parse_shape(file, value_of(file, header, "shape"));
  layout.data_begin = stream.tellg();
  layout.data_bytes = bytes_of(file, layout.shape, static_cast<int64_t>(c10::elementSize(layout.dtype.stored)));
  const auto there = static_cast<int64_t>(std::filesystem::file_size(file)) - layout.data_begin;
  if (there != layout.data_bytes) {
    throw damaged(file, fmt::format("holds {} bytes of data where the shape ({}) needs {}", there,
                                    fmt::join(layout.shape, ", "), layout.data_bytes));
  }
  return layout;
}

std::string header_of(const std::string& descr, const std::vector<int64_t>& shape) {
  auto header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr,
                            fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  const size_t before = magic.size() + 4;
  header.append(63 - (before + header.size()) % 64, ' ').append("\n");  // data start at 64 bytes
  const char version_and_length[] = {1, 0, static_cast<char>(header.size() & 0xff),
                                     static_cast<char>(header.size() >> 8)};
  return std::string(magic) + std::string(version_and_length, sizeof version_and_length) + header;
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

at::Tensor map_npy(const std::string& file) {
  check_input_file(file);
  Layout layout;
  {
    std::ifstream stream(file, std::ios::binary);
    layout = read_layout(file, stream);
  }
  if (layout.swapped || layout.dtype.stored != layout.dtype.read_as || layout.dtype.code == "u8" ||
      layout.data_bytes == 0)
    return read_npy(file);
  const auto region = map_part(file, layout.data_begin, layout.data_bytes);
  auto shape = layout.shape;
  if (layout.fortran_order) std::reverse(shape.begin(), shape.end());
  auto array = at::from_blob(region->get_address(), shape, [region](void*) {}, layout.dtype.stored);
  if (!layout.fortran_order) return array;
  std::vector<int64_t> axes(shape.size());
  std::iota(axes.rbegin(), axes.rend(), 0);
  return array.permute(axes);
}

at::Tensor read_or_map_npy(const std::string& file, int64_t most) {
  check_input_file(file);
  std::ifstream stream(file, std::ios::binary);
  return read_layout(file, stream).data_bytes <= most ? read_npy(file) : map_npy(file);
}

struct NpyWriter::File {
  files::AtomicFile target;
  std::string name;
  int64_t bytes_left;
};

NpyWriter::NpyWriter(const std::string& file, at::ScalarType dtype, const std::vector<int64_t>& shape) {
  const auto* known = find_numpy_dtype(dtype);
  if (!known) {
    throw Error(file, fmt::format("cannot hold the dtype {}", c10::toString(dtype)),
                "convert the tensor, to float32 for example");
  }
  const bool byte = known->code[1] == '1';
  file_ = std::unique_ptr<File>(
      new File{files::AtomicFile(file), file, bytes_of(file, shape, static_cast<int64_t>(c10::elementSize(dtype)))});
  file_->target.write(header_of(fmt::format("{}{}", byte ? '|' : '<', known->code), shape));
}

NpyWriter::~NpyWriter() = default;

void NpyWriter::append(const at::Tensor& rows) {
  const auto values = rows.contiguous();
  file_->target.write(values.const_data_ptr(), values.nbytes());
  file_->bytes_left -= static_cast<int64_t>(values.nbytes());
}

void NpyWriter::close() {
  TORCH_CHECK(file_->bytes_left == 0, file_->name, " was not given as many rows as it was made for");
  file_->target.commit();
}

void write_npy(const std::string& file, const at::Tensor& array) {
  const auto values = array.detach().cpu();
  NpyWriter writer(file, values.scalar_type(), values.sizes().vec());
  writer.append(values);
  writer.close();
}

std::vector<std::string> read_npy_texts(const std::string& file) {
  check_input_file(file);
  std::ifstream stream(file, std::ios::binary);
  const std::string header = read_header(file, stream);
  const std::string descr(value_of(file, header, "descr").substr(0, 12));
  const auto shape = parse_shape(file, value_of(file, header, "shape"));
  const auto kind = descr.find_first_of("US");
  const int64_t letters = kind == std::string::npos ? 0 : std::strtoll(descr.c_str() + kind + 1, nullptr, 10);
  if (descr[0] != '\'' || letters < 1 || letters > 4096 || shape.size() != 1 || descr[1] == '>') {
    throw Error(file, "holds no list of texts", "write it with numpy.save(file, numpy.array([...]))");
  }
  const int64_t width = descr[kind] == 'U' ? 4 : 1;  // bytes of a letter
  const int64_t size = bytes_of(file, shape, letters * width);
  if (size > static_cast<int64_t>(std::filesystem::file_size(file))) throw damaged(file, "ends within its data");
  std::string bytes(size, 0);
  if (!stream.read(bytes.data(), static_cast<int64_t>(bytes.size())) && !bytes.empty()) {
    throw damaged(file, "ends within its data");
  }
  std::vector<std::string> texts(shape[0]);
  for (int64_t i = 0; i < shape[0]; ++i) {
    for (int64_t j = 0; j < letters; ++j) {
      const char* letter = bytes.data() + (i * letters + j) * width;
      if (*letter == 0) break;
      texts[i].push_back(*letter);  // ASCII: what is more gives a text that nobody asks for
    }
  }
  return texts;
}

void write_npy_texts(const std::string& file, const std::vector<std::string>& texts) {
  size_t letters = 1;
  for (const auto& text : texts) letters = std::max(letters, text.size());
  std::string bytes(texts.size() * letters * 4, 0);
  for (size_t i = 0; i < texts.size(); ++i) {
    for (size_t j = 0; j < texts[i].size(); ++j) bytes[(i * letters + j) * 4] = texts[i][j];
  }
  files::AtomicFile target(file);
  target.write(header_of(fmt::format("<U{}", letters), {static_cast<int64_t>(texts.size())}));
  target.write(bytes);
  target.commit();
}

}  // namespace plexiform::data
