// HDF5 through its C API: calls return negative numbers, which become Errors with the library's own
// reason.
#include <ATen/ops/from_blob.h>
#include <data/allocate.h>
#include <data/array_files.h>
#include <data/input_file.h>
#include <data/mapped_file.h>
#include <files/atomic_file.h>
#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <utility>

namespace plexiform::data {

namespace {

// The library prints its error stack unless told otherwise; a program that embeds us may want it
// printed elsewhere.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }

 private:
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

// An identifier of the library and the function that gives it back.
class Id {
 public:
  Id(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Id(Id&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  ~Id() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }
  bool valid() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

// The innermost message of the library's error stack.
std::string reason() {
  std::string text;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
        *static_cast<std::string*>(out) = error->desc ? error->desc : "";
        return 1;  // the first is enough
      },
      &text);
  return text.empty() ? "no reason given" : text;
}

Error damaged(const std::string& where, const std::string& what) {
  return Error(where, what + ": " + reason(), "copy or download the file again");
}

// IEEE half precision, as h5py writes float16; the library has no name for it.
Id half_type() {
  Id type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

// An enumeration FALSE, TRUE of one byte, as h5py writes bool.
Id bool_type() {
  Id type(H5Tenum_create(H5T_NATIVE_INT8), H5Tclose);
  const int8_t no = 0, yes = 1;
  H5Tenum_insert(type, "FALSE", &no);
  H5Tenum_insert(type, "TRUE", &yes);
  return type;
}

// The type that the library converts from and to in memory.
Id memory_type(at::ScalarType dtype) {
  switch (dtype) {
    case at::kByte:
      return {H5Tcopy(H5T_NATIVE_UINT8), H5Tclose};
    case at::kChar:
      return {H5Tcopy(H5T_NATIVE_INT8), H5Tclose};
    case at::kShort:
      return {H5Tcopy(H5T_NATIVE_INT16), H5Tclose};
    case at::kInt:
      return {H5Tcopy(H5T_NATIVE_INT32), H5Tclose};
    case at::kLong:
      return {H5Tcopy(H5T_NATIVE_INT64), H5Tclose};
    case at::kFloat:
      return {H5Tcopy(H5T_NATIVE_FLOAT), H5Tclose};
    case at::kDouble:
      return {H5Tcopy(H5T_NATIVE_DOUBLE), H5Tclose};
    case at::kHalf:
      return half_type();
    case at::kBool:
      return bool_type();
    default:
      return {H5I_INVALID_HID, H5Tclose};
  }
}

std::optional<at::ScalarType> integer_dtype(size_t bytes, bool is_signed) {
  switch (bytes) {
    case 1:
      return is_signed ? at::kChar : at::kByte;
    case 2:
      return is_signed ? at::kShort : at::kInt;
    case 4:
      return is_signed ? at::kInt : at::kLong;
    case 8:
      return at::kLong;
    default:
      return {};
  }
}

std::optional<at::ScalarType> dtype_of(hid_t type) {
  const size_t bytes = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return integer_dtype(bytes, H5Tget_sign(type) == H5T_SGN_2);
    case H5T_FLOAT:
      if (bytes == 2) return at::kHalf;
      if (bytes == 4) return at::kFloat;
      if (bytes == 8) return at::kDouble;
      return {};
    case H5T_ENUM: {
      const Id expected = bool_type();
      if (bytes == 1 && H5Tequal(type, expected) > 0) return at::kBool;
      return {};
    }
    default:
      return {};
  }
}

const char* kind_of(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return "integers of an unusual size";
    case H5T_FLOAT:
      return "floats of an unusual size";
    case H5T_STRING:
      return "text";
    case H5T_COMPOUND:
      return "records of several fields";
    case H5T_ENUM:
      return "an enumeration";
    case H5T_VLEN:
      return "lists of varying length";
    case H5T_REFERENCE:
      return "references, as in MATLAB's cell arrays";
    default:
      return "values of an unknown kind";
  }
}

std::vector<int64_t> shape_of(const std::string& where, hid_t space) {
  if (H5Sget_simple_extent_type(space) == H5S_NULL) {
    throw Error(where, "is a data set without values", "write an array");
  }
  std::array<hsize_t, H5S_MAX_RANK> lengths = {};
  const int rank = H5Sget_simple_extent_dims(space, lengths.data(), nullptr);
  if (rank < 0) throw damaged(where, "its shape cannot be read");
  return {lengths.begin(), lengths.begin() + rank};
}

bool is_virtual(const Id& data_set) {
  return H5Pget_layout(Id(H5Dget_create_plist(data_set), H5Pclose)) == H5D_VIRTUAL;
}

void check_compression(const std::string& where, hid_t data_set) {
  const Id properties(H5Dget_create_plist(data_set), H5Pclose);
  for (int i = 0; i < H5Pget_nfilters(properties); ++i) {
    std::array<char, 64> name = {};
    unsigned flags = 0;
    size_t no_values = 0;
    const auto filter = H5Pget_filter2(properties, i, &flags, &no_values, nullptr, name.size(), name.data(), nullptr);
    if (H5Zfilter_avail(filter) <= 0) {
      throw Error(where, fmt::format("is compressed by '{}', which is not known here", name.data()),
                  "store it with gzip or uncompressed; where the filter is installed: h5repack -f "
                  "GZIP=4 OLD NEW");
    }
  }
}

// Data sets carry the time of their making unless told otherwise: the same arrays should give the
// same bytes.
Id without_times() {
  Id properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(properties, 0);
  return properties;
}

Id making_groups() {
  Id properties(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(properties, 1);
  return properties;
}

}  // namespace

struct Hdf5File::Handle {
  std::string name;
  std::unique_ptr<files::AtomicFile> target;  // of a created file
  bool in_memory = false;                     // until it is closed
  hid_t id = H5I_INVALID_HID;

  ~Handle() { end(); }

  void end() {
    QuietErrors quiet;
    if (id >= 0) H5Fclose(std::exchange(id, H5I_INVALID_HID));
  }

  // The bytes of a file that is in memory.
  std::vector<char> image() const {
    const bool flushed = H5Fflush(id, H5F_SCOPE_GLOBAL) >= 0;
    const auto bytes = flushed ? H5Fget_file_image(id, nullptr, 0) : -1;
    std::vector<char> all(std::max<ssize_t>(bytes, 0));
    if (bytes < 0 || H5Fget_file_image(id, all.data(), all.size()) != bytes) {
      throw Error(name, "cannot be made: " + reason(), "free some memory");
    }
    return all;
  }

  std::string where(const std::string& path) const { return name + ": /" + path; }

  // Every step of the path is a link, and what it points to is there.
  bool has(const std::string& path) const {
    for (size_t slash = path.find('/');; slash = path.find('/', slash + 1)) {
      const auto part = path.substr(0, slash);
      if (!part.empty() &&
          (H5Lexists(id, part.c_str(), H5P_DEFAULT) <= 0 || H5Oexists_by_name(id, part.c_str(), H5P_DEFAULT) <= 0)) {
        return false;
      }
      if (slash == std::string::npos) return true;
    }
  }

  bool is_group(const std::string& path) const {
    H5O_info_t info;
    const auto* name = path.empty() ? "/" : path.c_str();
    return H5Oget_info_by_name(id, name, &info, H5P_DEFAULT) >= 0 && info.type == H5O_TYPE_GROUP;
  }

  std::vector<std::string> names(const std::string& group) const {
    const Id opened(H5Gopen2(id, group.empty() ? "/" : group.c_str(), H5P_DEFAULT), H5Gclose);
    H5G_info_t info;
    if (!opened.valid() || H5Gget_info(opened, &info) < 0) throw damaged(where(group), "cannot be listed");
    std::vector<std::string> all;
    for (hsize_t i = 0; i < info.nlinks; ++i) {
      const auto length = H5Lget_name_by_idx(opened, ".", H5_INDEX_NAME, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT);
      if (length < 0) throw damaged(where(group), "cannot be listed");
      std::string name(length + 1, 0);
      H5Lget_name_by_idx(opened, ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size(), H5P_DEFAULT);
      name.pop_back();
      if (name.empty()) throw Error(where(group), "holds a link without a name", "copy or download the file again");
      all.push_back(is_group(group.empty() ? name : group + "/" + name) ? name + "/" : name);
    }
    return all;
  }

  Id open(const std::string& path) const {
    if (!has(path)) {
      const auto slash = path.rfind('/');
      const auto group = slash == std::string::npos ? "" : path.substr(0, slash);
      const bool known = has(group) && is_group(group);
      throw Error(where(path), "no such data set",
                  known ? did_you_mean(path.substr(slash + 1), names(group)) : "check the group's name");
    }
    if (is_group(path)) throw Error(where(path), "is a group, not a data set", "name a data set in it");
    Id data_set(H5Dopen2(id, path.c_str(), H5P_DEFAULT), H5Dclose);
    if (!data_set.valid()) throw damaged(where(path), "cannot be opened");
    check_storage(path, data_set);
    return data_set;
  }

  // Numbers that lie in one piece are as many as the shape says, and in this file: another one may be any file of the machine.
  void check_storage(const std::string& path, const Id& data_set) const {
    const Id properties(H5Dget_create_plist(data_set), H5Pclose);
    if (H5Pget_layout(properties) != H5D_CONTIGUOUS) return;
    if (H5Pget_external_count(properties) > 0)
      throw Error(where(path), "keeps its numbers in another file", "store them in this one");
    const Id type(H5Dget_type(data_set), H5Tclose), space(H5Dget_space(data_set), H5Sclose);
    for (const auto elsewhere : {H5T_STRING, H5T_VLEN, H5T_REFERENCE}) {  // whose numbers are places in the file
      if (H5Tdetect_class(type, elsewhere) > 0) return;
    }
    const auto count = static_cast<hsize_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space), 0));
    const hsize_t stored = H5Dget_storage_size(data_set), size = H5Tget_size(type);
    if (stored != 0 && (size == 0 || stored / size != count || stored % size != 0))
      throw Error(where(path), "is not as large as its shape", "copy or download the file again");
  }

  // All data sets that copying this one, or this group, would copy: a damaged one may end the program within HDF5.
  void check_storage_below(const std::string& path, int depth = 0) const {
    if (depth > 32) throw Error(where(path), "is nested without end", "copy or download the file again");
    if (is_group(path)) {
      for (std::string name : names(path)) {
        if (name.ends_with("/")) name.pop_back();
        check_storage_below(path + "/" + name, depth + 1);
      }
      return;
    }
    const Id object(H5Oopen(id, path.c_str(), H5P_DEFAULT), H5Oclose);
    if (object.valid() && H5Iget_type(object) == H5I_DATASET) open(path);
  }

  void write_attribute(const std::string& path, const std::string& name, hid_t type, hid_t memory,
                       const void* value) const;

  void create_data_set(const std::string& path, hid_t type, hid_t space, const void* values) const {
    const Id groups = making_groups(), no_times = without_times();
    const Id made(H5Dcreate2(id, path.c_str(), type, space, groups, no_times, H5P_DEFAULT), H5Dclose);
    if (!made.valid()) throw Error(where(path), "cannot be made: " + reason(), "use each name once");
    if (values && H5Dwrite(made, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
      throw Error(where(path), "cannot be written: " + reason(),
                  in_memory ? "free some memory" : "check the disk, and whether there is room on it");
    }
  }
};

Hdf5File::Hdf5File(const std::string& file, Mode mode) : handle_(std::make_unique<Handle>()) {
  QuietErrors quiet;
  handle_->name = file;
  if (mode != Mode::read) {
    handle_->target = std::make_unique<files::AtomicFile>(file);
    handle_->in_memory = mode == Mode::create;
    const Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    if (handle_->in_memory) {
      H5Pset_fapl_core(access, /*bytes to grow by*/ 1 << 20, /*write to the disk*/ false);
    } else {
      H5Pset_alignment(access, /*of objects from this size on*/ 4096, /*bytes*/ 64);  // for read_or_map
    }
    const std::string& made = handle_->in_memory ? file : handle_->target->temporary();
    handle_->id = H5Fcreate(made.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (handle_->id < 0) throw Error(file, "cannot be made: " + reason(), "choose another name");
    return;
  }
  check_input_file(file);
  if (H5Fis_hdf5(file.c_str()) <= 0) {
    throw Error(file, "is not an HDF5 file", "write it with h5py or another HDF5 library, or remove it");
  }
  handle_->id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (handle_->id < 0) throw damaged(file, "cannot be opened");
}

Hdf5File::~Hdf5File() = default;
Hdf5File::Hdf5File(Hdf5File&&) noexcept = default;

void Hdf5File::close() {
  QuietErrors quiet;
  if (handle_->id >= 0 && handle_->target) {
    if (handle_->in_memory) {
      const auto image = handle_->image();
      handle_->target->write(image.data(), image.size());
    } else if (H5Fclose(std::exchange(handle_->id, H5I_INVALID_HID)) < 0) {
      throw Error(handle_->name, "cannot be written: " + reason(), "check the disk, and whether there is room on it");
    }
    handle_->target->commit();
  }
  handle_->end();
}

const std::string& Hdf5File::file() const { return handle_->name; }

std::vector<std::string> Hdf5File::names(const std::string& group) const {
  QuietErrors quiet;
  return handle_->names(group);
}

bool Hdf5File::has(const std::string& path) const {
  QuietErrors quiet;
  return handle_->has(path);
}

std::vector<int64_t> Hdf5File::shape(const std::string& path) const {
  QuietErrors quiet;
  const Id data_set = handle_->open(path);
  return shape_of(handle_->where(path), Id(H5Dget_space(data_set), H5Sclose));
}

at::Tensor Hdf5File::read(const std::string& path) const {
  QuietErrors quiet;
  const auto where = handle_->where(path);
  const Id data_set = handle_->open(path);
  const Id type(H5Dget_type(data_set), H5Tclose);
  const auto dtype = dtype_of(type);
  if (!dtype) {
    throw Error(where, std::string("holds ") + kind_of(type),
                "store numbers: uint8, int8 to int64, float16 to float64 or bool");
  }
  check_compression(where, data_set);
  const Id space(H5Dget_space(data_set), H5Sclose);
  if (H5Sget_simple_extent_npoints(space) > 0 && H5Dget_storage_size(data_set) == 0 && !is_virtual(data_set))
    throw Error(where, "was made, but its numbers were never written", "write them, or remove it");
  auto array = allocate(where, shape_of(where, space), *dtype);
  if (array.numel() == 0) return array;
  const bool unsigned_64 =
      H5Tget_class(type) == H5T_INTEGER && H5Tget_size(type) == 8 && H5Tget_sign(type) == H5T_SGN_NONE;
  const Id wanted = unsigned_64 ? Id(H5Tcopy(H5T_NATIVE_UINT64), H5Tclose) : memory_type(*dtype);
  if (H5Dread(data_set, wanted, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.mutable_data_ptr()) < 0) {
    throw damaged(where, "cannot be read");
  }
  if (unsigned_64 && array.min().item<int64_t>() < 0) {
    throw Error(where, "holds unsigned numbers above 9223372036854775807", "store it as float64");
  }
  return array;
}

at::Tensor Hdf5File::read_or_map(const std::string& path, int64_t most) const {
  QuietErrors quiet;
  const auto where = handle_->where(path);
  const Id data_set = handle_->open(path);
  const Id type(H5Dget_type(data_set), H5Tclose), properties(H5Dget_create_plist(data_set), H5Pclose);
  const auto dtype = dtype_of(type);
  const auto begin = H5Dget_offset(data_set);
  if (!dtype || begin == HADDR_UNDEF || H5Pget_layout(properties) != H5D_CONTIGUOUS ||
      H5Tequal(type, memory_type(*dtype)) <= 0) {
    return read(path);
  }
  const auto shape = shape_of(where, Id(H5Dget_space(data_set), H5Sclose));
  const auto item = static_cast<int64_t>(c10::elementSize(*dtype)),
             bytes = static_cast<int64_t>(H5Dget_storage_size(data_set));
  if (bytes <= most || begin % item != 0) return read(path);
  const Id owner(H5Iget_file_id(data_set), H5Fclose);  // a link may lead to another file
  std::string file(H5Fget_name(owner, nullptr, 0) + 1, 0);
  H5Fget_name(owner, file.data(), file.size());
  file.pop_back();
  std::error_code none;
  if (begin + static_cast<uint64_t>(bytes) > std::filesystem::file_size(file, none)) throw damaged(where, "is cut off");
  const auto region = map_part(file, static_cast<int64_t>(begin), bytes);
  return at::from_blob(region->get_address(), shape, [region](void*) {}, *dtype);
}

bool Hdf5File::is_text(const std::string& path) const {
  QuietErrors quiet;
  const Id data_set = handle_->open(path);
  return H5Tget_class(Id(H5Dget_type(data_set), H5Tclose)) == H5T_STRING;
}

namespace {

// The text of a data set or attribute, which `read(type, into)` reads.
template <class Read>
std::string single_text(const std::string& where, hid_t type, hid_t space, Read read) {
  if (H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1) {
    throw Error(where, "is not a single text", "store one string");
  }
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    if (read(type, &text) < 0) throw damaged(where, "cannot be read");
    std::string result = text ? text : "";
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, &text);
    return result;
  }
  std::string text(H5Tget_size(type), 0);
  if (read(type, text.data()) < 0) throw damaged(where, "cannot be read");
  const auto end = H5Tget_strpad(type) == H5T_STR_SPACEPAD ? text.find_last_not_of(' ') + 1 : text.find('\0');
  return text.substr(0, end);
}

}  // namespace

std::string Hdf5File::read_text(const std::string& path) const {
  QuietErrors quiet;
  const Id data_set = handle_->open(path);
  const Id type(H5Dget_type(data_set), H5Tclose), space(H5Dget_space(data_set), H5Sclose);
  return single_text(handle_->where(path), type, space, [&](hid_t wanted, void* into) {
    return H5Dread(data_set, wanted, H5S_ALL, H5S_ALL, H5P_DEFAULT, into);
  });
}

namespace {

// The object's name for the calls that take one.
const char* object(const std::string& path) { return path.empty() ? "." : path.c_str(); }

}  // namespace

std::optional<std::string> Hdf5File::attribute(const std::string& path, const std::string& name) const {
  QuietErrors quiet;
  if (H5Aexists_by_name(handle_->id, object(path), name.c_str(), H5P_DEFAULT) <= 0) return {};
  const std::string where = handle_->where(path) + ", attribute " + name;
  const Id attribute(H5Aopen_by_name(handle_->id, object(path), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) throw damaged(where, "cannot be opened");
  const Id type(H5Aget_type(attribute), H5Tclose), space(H5Aget_space(attribute), H5Sclose);
  const bool number = H5Tget_class(type) == H5T_INTEGER || H5Tget_class(type) == H5T_FLOAT;
  if (!number || H5Sget_simple_extent_npoints(space) != 1) {
    return single_text(where, type, space, [&](hid_t wanted, void* into) { return H5Aread(attribute, wanted, into); });
  }
  double value = 0;
  if (H5Aread(attribute, H5T_NATIVE_DOUBLE, &value) < 0) throw damaged(where, "cannot be read");
  return fmt::format("{}", value);
}

void Hdf5File::Handle::write_attribute(const std::string& path, const std::string& name, hid_t type, hid_t memory,
                                       const void* value) const {
  QuietErrors quiet;
  if (H5Aexists_by_name(id, object(path), name.c_str(), H5P_DEFAULT) > 0)
    H5Adelete_by_name(id, object(path), name.c_str(), H5P_DEFAULT);
  const Id space(H5Screate(H5S_SCALAR), H5Sclose);
  const Id made(H5Acreate_by_name(id, object(path), name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                H5Aclose);
  if (!made.valid() || H5Awrite(made, memory, value) < 0) {
    throw Error(where(path) + ", attribute " + name, "cannot be written: " + reason(), "choose another name");
  }
}

void Hdf5File::write_attribute(const std::string& path, const std::string& name, const std::string& text) {
  const Id type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, text.size() + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  handle_->write_attribute(path, name, type, type, text.c_str());
}

void Hdf5File::write_attribute(const std::string& path, const std::string& name, int64_t number) {
  handle_->write_attribute(path, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &number);
}

void Hdf5File::write_attribute(const std::string& path, const std::string& name, double number) {
  handle_->write_attribute(path, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &number);
}

void Hdf5File::make_group(const std::string& path) {
  QuietErrors quiet;
  if (path.empty() || handle_->has(path)) return;
  const Id made(H5Gcreate2(handle_->id, path.c_str(), making_groups(), H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
  if (!made.valid()) throw Error(handle_->where(path), "cannot be made: " + reason(), "choose another name");
}

void Hdf5File::copy(const Hdf5File& other, const std::string& from, const std::string& to) {
  QuietErrors quiet;
  if (from.empty()) {
    make_group(to);
    for (std::string name : other.names()) {
      if (name.ends_with("/")) name.pop_back();
      copy(other, name, to.empty() ? name : to + "/" + name);
    }
    return copy_attributes(other, "", to);
  }
  other.handle_->check_storage_below(from);
  const Id how(H5Pcreate(H5P_OBJECT_COPY), H5Pclose), groups = making_groups();
  H5Pset_copy_object(how, H5O_COPY_EXPAND_SOFT_LINK_FLAG | H5O_COPY_EXPAND_EXT_LINK_FLAG);
  if (H5Ocopy(other.handle_->id, from.c_str(), handle_->id, to.c_str(), how, groups) < 0) {
    throw Error(other.handle_->where(from), "cannot be copied: " + reason(), "copy or download the file again");
  }
}

void Hdf5File::copy_attributes(const Hdf5File& other, const std::string& from, const std::string& to) {
  QuietErrors quiet;
  const Id object_from(H5Oopen(other.handle_->id, from.empty() ? "/" : from.c_str(), H5P_DEFAULT), H5Oclose);
  const Id object_to(H5Oopen(handle_->id, to.empty() ? "/" : to.c_str(), H5P_DEFAULT), H5Oclose);
  H5O_info_t info;
  if (!object_from.valid() || !object_to.valid() || H5Oget_info(object_from, &info) < 0) {
    throw damaged(other.handle_->where(from), "its attributes cannot be copied");
  }
  for (hsize_t i = 0; i < info.num_attrs; ++i) {
    const Id read(H5Aopen_by_idx(object_from, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    std::string name(std::max<ssize_t>(H5Aget_name(read, 0, nullptr), 0) + 1, 0);
    H5Aget_name(read, name.size(), name.data());
    name.pop_back();
    const Id type(H5Aget_type(read), H5Tclose), space(H5Aget_space(read), H5Sclose);
    if (H5Aexists(object_to, name.c_str()) > 0) H5Adelete(object_to, name.c_str());
    const Id made(H5Acreate2(object_to, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    const auto count = static_cast<hsize_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space), 0));
    std::vector<char> value(std::max<hsize_t>({H5Aget_storage_size(read), count * H5Tget_size(type), 1}));
    const bool empty = H5Sget_simple_extent_type(space) == H5S_NULL;
    if (!made.valid() ||
        (!empty && (H5Aread(read, type, value.data()) < 0 || H5Awrite(made, type, value.data()) < 0))) {
      throw damaged(other.handle_->where(from) + ", attribute " + name, "cannot be copied");
    }
    if (!empty) H5Dvlen_reclaim(type, space, H5P_DEFAULT, value.data());
  }
}

void Hdf5File::write(const std::string& path, const at::Tensor& array) {
  QuietErrors quiet;
  const auto values = array.detach().cpu().contiguous();
  const Id type = memory_type(values.scalar_type());
  if (!type.valid()) {
    throw Error(handle_->where(path), fmt::format("cannot hold the dtype {}", c10::toString(values.scalar_type())),
                "convert the tensor, to float32 for example");
  }
  const std::vector<hsize_t> lengths(values.sizes().begin(), values.sizes().end());
  const Id space(lengths.empty() ? H5Screate(H5S_SCALAR)
                                 : H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr),
                 H5Sclose);
  handle_->create_data_set(path, type, space, values.numel() > 0 ? values.const_data_ptr() : nullptr);
}

void Hdf5File::write_text(const std::string& path, const std::string& text) {
  QuietErrors quiet;
  const Id type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, text.size() + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  const Id space(H5Screate(H5S_SCALAR), H5Sclose);
  handle_->create_data_set(path, type, space, text.c_str());
}

}  // namespace plexiform::data
