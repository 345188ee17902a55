// Source  what NumPy makes of an array: ndarray.__reduce__ (protocols 2 to 4: _reconstruct and a state of version, shape,
//         dtype, order, bytes) and ndarray.__reduce_ex__ (5: _frombuffer of bytes, dtype, shape, order).
#include <data/allocate.h>
#include <data/input_file.h>
#include <data/numpy_dtypes.h>
#include <data/pickled_arrays.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace plexiform::data {
namespace {

using Kind = PickleValue::Kind;
using Ref = PickleValue::Ref;

// What a dictionary of arrays is made of; none of it does anything but hold values.
constexpr std::array harmless = {"numpy.core.multiarray._reconstruct",
                                 "numpy._core.multiarray._reconstruct",
                                 "numpy.core.numeric._frombuffer",
                                 "numpy._core.numeric._frombuffer",
                                 "numpy.core.multiarray.scalar",
                                 "numpy._core.multiarray.scalar",
                                 "numpy.ndarray",
                                 "numpy.dtype",
                                 "collections.OrderedDict",
                                 "collections.defaultdict",
                                 "torch.Size",  // a tuple of integers
                                 "builtins.dict",
                                 "builtins.list",
                                 "__builtin__.dict",
                                 "__builtin__.list"};

// numpy.core became numpy._core with NumPy 2.
bool made_by(const PickleValue& value, const std::string& module, const std::string& name) {
  return value.made_by("numpy.core." + module + "." + name) || value.made_by("numpy._core." + module + "." + name);
}

// What an array is made from, whatever the protocol.
struct Parts {
  Ref bytes = nullptr, dtype = nullptr, shape = nullptr;
  bool fortran_order = false;
};

std::optional<Parts> parts_of(const PickleValue& value) {
  if (value.kind != Kind::object || !value.arguments) return {};
  if (made_by(value, "multiarray", "_reconstruct") && value.state && value.state->items.size() == 5) {
    const auto& state = value.state->items;
    return Parts{state[4], state[2], state[1], state[3]->integer != 0};
  }
  const auto& given = value.arguments->items;
  if (made_by(value, "numeric", "_frombuffer") && given.size() == 4) {
    return Parts{given[0], given[1], given[2], given[3]->text == "F"};
  }
  if (made_by(value, "multiarray", "scalar") && given.size() == 2) return Parts{given[1], given[0], nullptr};
  return {};
}

// An int of Python or of NumPy.
std::optional<int64_t> integer_of(const PickleValue& value) {
  if (value.kind == Kind::integer) return value.integer;
  const auto parts = parts_of(value);
  if (!parts || parts->shape || !parts->dtype->made_by("numpy.dtype")) return {};
  const auto& code = parts->dtype->arguments->items;
  if (code.empty() || code[0]->text.substr(0, 1).find_first_of("iu") != 0 || parts->bytes->bytes.size() > 8) return {};
  int64_t number = 0;
  std::memcpy(&number, parts->bytes->bytes.data(), parts->bytes->bytes.size());
  return number;
}

const NumpyDtype& dtype_of(const std::string& place, const PickleValue& value) {
  const std::string fix = "store numbers of this machine's byte order: array.astype('float32')";
  if (!value.made_by("numpy.dtype") || value.arguments->items.empty()) {
    throw Error(place, "holds an array of " + value.what(), fix);
  }
  const std::string& code = value.arguments->items[0]->text;
  const bool swapped = value.state && value.state->items.size() > 1 && value.state->items[1]->text == ">";
  const auto* known = find_numpy_dtype(code);
  if (!known || swapped) {
    throw Error(place, fmt::format("has the dtype '{}{}'", swapped ? ">" : "", code), fix);
  }
  return *known;
}

std::shared_ptr<const boost::interprocess::mapped_region> map_whole(const std::string& file) {
  check_input_file(file);
  return map_part(file, 0, static_cast<int64_t>(std::filesystem::file_size(file)));
}

const char* begin_of(const boost::interprocess::mapped_region& content) {
  return static_cast<const char*>(content.get_address());
}

}  // namespace

PickledArrays::PickledArrays(const std::string& file)
    : file_(file), content_(map_whole(file)), pickle_({begin_of(*content_), content_->get_size()}, file) {
  for (const auto& value : pickle_.values()) {
    if (value.kind != Kind::name || std::count(harmless.begin(), harmless.end(), value.text) > 0) continue;
    throw Error(file, fmt::format("would have Python call {}, which no array needs", value.text),
                "do not open it with Python's pickle either, unless you know who made it; pickle a dict of arrays");
  }
  if (pickle_.root().kind != Kind::dict && pickle_.root().entries.empty() && !parts_of(pickle_.root())) {
    throw Error(file, "holds " + pickle_.root().what() + ", not a dictionary", "pickle a dict of arrays");
  }
}

Ref PickledArrays::find(const std::string& key) const {
  Ref at = &pickle_.root();
  for (size_t begin = 0; at && begin < key.size();) {
    const size_t end = std::min(key.find('/', begin), key.size());
    const std::string step = key.substr(begin, end - begin);
    Ref next = at->find(step);
    for (const auto& [name, value] : at->entries) {
      if (const auto number = integer_of(*name); !next && number && std::to_string(*number) == step) next = value;
    }
    at = next;
    begin = end + 1;
  }
  return at;
}

Ref PickledArrays::demand(const std::string& key) const {
  if (Ref found = find(key)) return found;
  const auto slash = key.rfind('/');
  const bool inside = slash != std::string::npos;
  throw Error(place(key), "no such key",
              did_you_mean(inside ? key.substr(slash + 1) : key, keys(inside ? key.substr(0, slash) : "")));
}

bool PickledArrays::has(const std::string& key) const {
  const Ref found = find(key);
  return found && found->kind != Kind::none;
}

std::vector<std::string> PickledArrays::keys(const std::string& key) const {
  std::vector<std::string> names;
  const Ref dict = find(key);
  if (!dict) return names;
  for (const auto& [name, value] : dict->entries) {
    if (name->kind == Kind::text) names.push_back(name->text);
    if (const auto number = integer_of(*name)) names.push_back(std::to_string(*number));
  }
  return names;
}

at::Tensor PickledArrays::array(const std::string& key) const {
  const std::string where = place(key);
  const PickleValue& value = *demand(key);
  const auto parts = parts_of(value);
  if (!parts) throw Error(where, "is " + value.what() + ", not a NumPy array", "store an array of numbers");
  const NumpyDtype& dtype = dtype_of(where, *parts->dtype);
  std::vector<int64_t> shape;
  if (parts->shape) {
    for (const Ref length : parts->shape->items) shape.push_back(length->integer);
  }
  int64_t bytes = static_cast<int64_t>(c10::elementSize(dtype.stored));
  for (const int64_t length : shape) {
    if (length < 0 || __builtin_mul_overflow(bytes, length, &bytes)) bytes = -1;
    if (bytes < 0) break;
  }
  const std::string_view content = parts->bytes->bytes;
  if (parts->bytes->kind != Kind::bytes || bytes != static_cast<int64_t>(content.size())) {
    throw Error(where, fmt::format("holds {} bytes for an array of shape ({})", content.size(), fmt::join(shape, ", ")),
                "copy or download the file again, or pickle it with protocol 4");
  }
  if (parts->fortran_order) std::reverse(shape.begin(), shape.end());
  const auto array = allocate(where, shape, dtype.stored);
  // Read, not copied out of the mapped file: its pages would take the memory of the array a second time.
  std::ifstream stream(file_, std::ios::binary);
  stream.seekg(content.data() - begin_of(*content_));
  if (!stream.read(static_cast<char*>(array.mutable_data_ptr()), bytes)) {
    throw Error(where, "cannot be read to its end", "copy or download the file again");
  }
  return as_read(where, array, dtype, parts->fortran_order);
}

double PickledArrays::number(const std::string& key) const {
  const PickleValue& value = *demand(key);
  if (value.kind == Kind::integer || value.kind == Kind::boolean) return static_cast<double>(value.integer);
  if (value.kind == Kind::real) return value.real;
  const auto single = array(key);
  if (single.numel() != 1) throw Error(place(key), "is not a single number", "store one number");
  return single.to(at::kDouble).item<double>();
}

std::vector<int64_t> PickledArrays::integers(const std::string& key) const {
  const PickleValue& found = *demand(key);
  const bool size = found.made_by("torch.Size") && found.arguments->items.size() == 1;
  const PickleValue& value = size ? *found.arguments->items[0] : found;
  std::vector<int64_t> all;
  if (value.kind != Kind::list && value.kind != Kind::tuple) {
    const auto array = this->array(key).to(at::kLong).flatten().contiguous();
    return {array.const_data_ptr<int64_t>(), array.const_data_ptr<int64_t>() + array.numel()};
  }
  for (const Ref item : value.items) {
    const auto number = integer_of(*item);
    if (!number) throw Error(place(key), "holds " + item->what() + " among integers", "store a list of integers");
    all.push_back(*number);
  }
  return all;
}

}  // namespace plexiform::data
