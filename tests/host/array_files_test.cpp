#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <data/array_files.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <map>

using Catch::Matchers::ContainsSubstring;
using plexiform::Error;
using namespace plexiform::data;
namespace fs = std::filesystem;

namespace {

// The arrays in tests/data/arrays were written by NumPy and h5py: make_arrays.py beside them.
const std::string arrays = std::string(TEST_DATA) + "/arrays/";

struct Folder {  // a new, empty folder, removed at the end
  fs::path path = fs::temp_directory_path() / ("array_files_test_" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
};

void write_bytes(const std::string& file, const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }

std::string read_bytes(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

at::Tensor count(at::ScalarType dtype) { return at::arange(6, at::kLong).view({2, 3}).to(dtype); }

bool same(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.is_contiguous() && at::equal(a, b);
}

const std::map<std::string, at::ScalarType> dtypes = {
    {"u1", at::kByte}, {"i1", at::kChar},    {"i2", at::kShort},     {"i4", at::kInt}, {"i8", at::kLong},
    {"f2", at::kHalf}, {"f4", at::kFloat},   {"f8", at::kDouble},    {"u2", at::kInt}, {"u4", at::kLong},
    {"u8", at::kLong}, {"big_i4", at::kInt}, {"big_f8", at::kDouble}};

}  // namespace

#define CHECK_ERROR(expression, text) \
  CHECK_THROWS_WITH(expression, ContainsSubstring(text) && ContainsSubstring("fix: "))

TEST_CASE("NumPy's arrays of every dtype are read with their values") {
  for (const auto& [name, dtype] : dtypes) {
    INFO(name);
    CHECK(same(read_npy(arrays + name + ".npy"), count(dtype)));
    CHECK(read_npy_header(arrays + name + ".npy").dtype == dtype);
    CHECK(read_npy_header(arrays + name + ".npy").shape == std::vector<int64_t>{2, 3});
  }
  CHECK(same(read_npy(arrays + "b1.npy"), count(at::kLong).remainder(2).to(at::kBool)));
}

TEST_CASE("Fortran order, scalars, empty arrays and newer versions of .npy are read") {
  CHECK(same(read_npy(arrays + "fortran.npy"), at::arange(24, at::kFloat).view({2, 3, 4})));
  CHECK(same(read_npy(arrays + "scalar.npy"), at::full({}, 7, at::kDouble)));
  CHECK(same(read_npy(arrays + "no_rows.npy"), at::empty({0, 3}, at::kFloat)));
  CHECK(same(read_npy(arrays + "version_2.npy"), count(at::kFloat)));
  CHECK(same(read_npy(arrays + "version_3.npy"), count(at::kFloat)));
}

TEST_CASE("an .npy file is the one that NumPy would have written") {
  Folder folder;
  for (const std::string name : {"u1", "i2", "i8", "f2", "f4", "b1", "scalar", "no_rows"}) {
    INFO(name);
    write_npy(folder / "again.npy", read_npy(arrays + name + ".npy"));
    CHECK(read_bytes(folder / "again.npy") == read_bytes(arrays + name + ".npy"));
  }
  write_npy(folder / "row.npy", at::ones({3}, at::kFloat));
  CHECK_THAT(read_bytes(folder / "row.npy"), ContainsSubstring("'shape': (3,), }"));
}

TEST_CASE("arrays that are no numbers are refused with a remedy") {
  CHECK_ERROR(read_npy(arrays + "objects.npy"), "holds Python objects");
  CHECK_ERROR(read_npy(arrays + "text.npy"), "dtype '<U2'");
  CHECK_ERROR(read_npy(arrays + "complex.npy"), "dtype '<c8'");
  CHECK_ERROR(read_npy(arrays + "records.npy"), "several fields");
  CHECK_ERROR(read_npy(arrays + "u8_too_large.npy"), "above 9223372036854775807");
}

TEST_CASE("files that are no .npy files, or not whole, are refused by both readers") {
  Folder folder;
  const auto whole = read_bytes(arrays + "f4.npy");
  const std::map<std::string, std::string> broken = {
      {"", "is empty"},
      {"a text\n", "is not a NumPy array file"},
      {"PK\x03\x04 an archive of arrays", "not savez"},
      {whole.substr(0, 7), "is not a NumPy array file"},
      {whole.substr(0, 9), "header is damaged"},
      {whole.substr(0, 60), "ends within its header"},
      {whole.substr(0, whole.size() - 1), "holds 23 bytes of data where the shape (2, 3) needs 24"},
      {whole + "x", "holds 25 bytes"},
      {std::string("\x93NUMPY\x09", 7) + whole.substr(7), "has version 9"}};
  for (const auto& [bytes, message] : broken) {
    write_bytes(folder / "broken.npy", bytes);
    CHECK_ERROR(read_npy(folder / "broken.npy"), message);
    CHECK_ERROR(read_npy_header(folder / "broken.npy"), message);
  }
  CHECK_ERROR(read_npy(folder.path.string()), "is a folder");
  CHECK_ERROR(read_npy(arrays + "f44.npy"), "did you mean 'f4.npy'?");
}

TEST_CASE("a header that is altered is refused") {
  Folder folder;
  const auto refuse = [&](const std::string& from, const std::string& to, const std::string& message) {
    auto bytes = read_bytes(arrays + "f4.npy");
    const auto at = bytes.find(from);
    REQUIRE(at != std::string::npos);
    REQUIRE(from.size() == to.size());
    write_bytes(folder / "altered.npy", bytes.replace(at, to.size(), to));
    CHECK_ERROR(read_npy(folder / "altered.npy"), message);
  };
  refuse("(2, 3), } ", "(-2, 3), }", "has the shape (-2, 3)");
  refuse("(2, 3), }                      ", "(4611686018427387904, 8000), } ", "4611686018427387904, 8000");
  refuse("(2, 3)", "(2; 3)", "has the shape (2; 3)");
  refuse("'shape'", "'shake'", "no 'shape'");
  refuse("'<f4'", "'<g4'", "dtype '<g4'");
}

TEST_CASE("h5py's data sets of every dtype are read with their values") {
  const Hdf5File file(arrays + "arrays.h5");
  for (const auto& [name, dtype] : dtypes) {
    INFO(name);
    CHECK(same(file.read(name), count(dtype)));
    CHECK(file.shape(name) == std::vector<int64_t>{2, 3});
  }
  CHECK(same(file.read("b1"), count(at::kLong).remainder(2).to(at::kBool)));
  CHECK(same(file.read("scalar"), at::full({}, 7, at::kDouble)));
  CHECK(same(file.read("no_rows"), at::empty({0, 3}, at::kFloat)));
  CHECK(same(file.read("deep/group/values"), count(at::kFloat)));
  CHECK(same(file.read("compressed"), count(at::kFloat)));
  CHECK(file.read_text("text") == "R\u00e9tine");
  CHECK(file.read_text("fixed_text") == "retina");
}

TEST_CASE("data sets that are missing, no numbers or unreadable are refused with file, name and remedy") {
  const Hdf5File file(arrays + "arrays.h5");
  CHECK_THROWS_WITH(file.read("deep/group/value"),
                    arrays + "arrays.h5: /deep/group/value: no such data set\n  fix: did you mean 'values'?");
  CHECK_ERROR(file.read("dip/group/values"), "check the group's name");
  CHECK_ERROR(file.read("deep"), "is a group");
  CHECK_ERROR(file.read("dangling"), "no such data set");
  CHECK_ERROR(file.read("texts"), "holds text");
  CHECK_ERROR(file.read("complex"), "holds records of several fields");
  CHECK_ERROR(file.read("u8_too_large"), "above 9223372036854775807");
  CHECK_ERROR(file.read("empty"), "without values");
  CHECK_ERROR(file.read("lzf"), "is compressed by 'lzf', which is not known here");
  CHECK_ERROR(file.read_text("texts"), "is not a single text");
  CHECK_ERROR(file.read_text("f4"), "is not a single text");
}

TEST_CASE("an HDF5 file lists its data sets and groups") {
  Folder folder;
  Hdf5File made(folder / "a.h5", Hdf5File::Mode::create);
  made.write("b", at::ones({2}));
  made.write("session_info/cell_id", at::arange(3));
  made.write("a", at::ones({2}));
  made.close();
  const Hdf5File file(folder / "a.h5");
  CHECK(file.names() == std::vector<std::string>{"a", "b", "session_info/"});
  CHECK(file.names("session_info") == std::vector<std::string>{"cell_id"});
  CHECK_ERROR(file.names("nowhere"), "/nowhere: cannot be listed");
  CHECK(file.has("session_info/cell_id"));
  CHECK(file.has("session_info"));
  CHECK_FALSE(file.has("session_info/other"));
  CHECK_FALSE(file.has("other/cell_id"));
}

TEST_CASE("what is written to an HDF5 file is read back, dtype included") {
  Folder folder;
  {
    Hdf5File file(folder / "a.h5", Hdf5File::Mode::create);
    for (const auto& [name, dtype] : dtypes) file.write("group/" + name, count(dtype).t());
    file.write("flags", count(at::kBool));
    file.write("scalar", at::full({}, 2.5, at::kDouble));
    file.write("no_rows", at::empty({0, 3}, at::kFloat));
    file.write_text("text", "R\u00e9tine");
    CHECK_ERROR(file.write("flags", at::ones({1})), "use each name once");
    CHECK_ERROR(file.write("complex", at::ones({1}, at::kComplexFloat)), "cannot hold the dtype");
    file.close();
  }
  const Hdf5File file(folder / "a.h5");
  for (const auto& [name, dtype] : dtypes) {
    CHECK(same(file.read("group/" + name), count(dtype).t().contiguous()));
  }
  CHECK(same(file.read("flags"), count(at::kBool)));
  CHECK(same(file.read("scalar"), at::full({}, 2.5, at::kDouble)));
  CHECK(same(file.read("no_rows"), at::empty({0, 3}, at::kFloat)));
  CHECK(file.read_text("text") == "R\u00e9tine");
}

TEST_CASE("files that are no HDF5 files, or not whole, are refused") {
  Folder folder;
  const auto whole = read_bytes(arrays + "arrays.h5");
  const std::map<std::string, std::string> broken = {
      {"", "is empty"}, {"a text\n", "is not an HDF5 file"}, {whole.substr(0, whole.size() / 2), "truncated file"}};
  for (const auto& [bytes, message] : broken) {
    write_bytes(folder / "broken.h5", bytes);
    CHECK_ERROR(Hdf5File(folder / "broken.h5"), message);
  }
  CHECK_ERROR(Hdf5File(folder.path.string()), "is a folder");
  CHECK_ERROR(Hdf5File(folder / "none.h5"), "no such file");
}

TEST_CASE("an older file stays as it was until the new one is complete") {
  Folder folder;
  write_bytes(folder / "a.h5", "older");
  {
    Hdf5File file(folder / "a.h5", Hdf5File::Mode::create);
    file.write("x", at::ones({1000}));
    CHECK(read_bytes(folder / "a.h5") == "older");
  }  // not closed: as when an exception passes
  CHECK(read_bytes(folder / "a.h5") == "older");
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
  Hdf5File file(folder / "a.h5", Hdf5File::Mode::create);
  file.write("x", at::ones({1000}));
  file.close();
  CHECK(at::equal(Hdf5File(folder / "a.h5").read("x"), at::ones({1000})));
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("files are not written where there is no folder or nobody may write") {
  Folder folder;
  CHECK_ERROR(write_npy(folder / "none/a.npy", at::ones({1})), "create its folder first");
  CHECK_ERROR(Hdf5File(folder / "none/a.h5", Hdf5File::Mode::create), "create its folder first");
  fs::create_directory(folder / "a.npy");
  CHECK_ERROR(write_npy(folder / "a.npy", at::ones({1})), "is a folder");
}

TEST_CASE("a large array stays in its file, and is what was written") {
  const Folder folder;
  for (const auto dtype : {at::kByte, at::kFloat, at::kHalf}) {
    const auto array = at::arange(2 * 3 * 50 * 70).remainder(200).to(dtype).view({2, 3, 50, 70});
    write_npy(folder / "movie.npy", array);
    const auto mapped = read_or_map_npy(folder / "movie.npy", 100);
    CHECK(at::equal(mapped, array));
    CHECK(mapped.is_contiguous());
    // The mapping holds the file by its content: replaced as files are written here, the old one stays.
    write_npy(folder / "movie.npy", at::zeros_like(array));
    CHECK(at::equal(mapped, array));
    CHECK(at::equal(read_or_map_npy(folder / "movie.npy", 1 << 20), at::zeros_like(array)));
  }
  CHECK_THROWS_AS(read_or_map_npy(folder / "absent.npy", 0), Error);
  write_npy(folder / "bool.npy", at::ones({4, 5}, at::kBool));  // converted: read
  CHECK(at::equal(read_or_map_npy(folder / "bool.npy", 0), read_npy(folder / "bool.npy")));
}
