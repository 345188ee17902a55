#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <model/safetensors.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>

#include "../folder.h"

using Catch::Matchers::ContainsSubstring;
using plexiform::Error;
using plexiform::model::Checksum;
using plexiform::model::read_safetensors;
using plexiform::model::TensorFile;
using plexiform::model::write_safetensors;

namespace {

const std::pair<const char*, at::ScalarType> every_dtype[] = {
    {"bool", at::kBool},     {"uint8", at::kByte},    {"int8", at::kChar},         {"int16", at::kShort},
    {"int32", at::kInt},     {"int64", at::kLong},    {"bfloat16", at::kBFloat16}, {"float16", at::kHalf},
    {"float32", at::kFloat}, {"float64", at::kDouble}};

// Tensors 0 1 0 1 0 1 of every dtype, a scalar, an empty one, a transposed view.
// data/safetensors_fixture.py has the same.
TensorFile example() {
  TensorFile file;
  for (const auto& [name, dtype] : every_dtype) {
    file.tensors.push_back({name, at::arange(6).remainder(2).reshape({2, 3}).to(dtype)});
  }
  file.tensors.push_back({"scalar", at::full({}, -1.5)});
  file.tensors.push_back({"empty", at::zeros({0, 3})});
  file.tensors.push_back({"transposed", at::arange(6).to(at::kFloat).reshape({2, 3}).t()});
  file.metadata = {{"note", "Zürich \"µ\""}};
  return file;
}

void check_same(const TensorFile& a, const TensorFile& b, bool same_order = true) {
  CHECK(a.metadata == b.metadata);
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    size_t j = i;
    if (!same_order) {
      for (j = 0; j + 1 < b.tensors.size() && b.tensors[j].name != a.tensors[i].name;) ++j;
    }
    INFO(a.tensors[i].name);
    CHECK(a.tensors[i].name == b.tensors[j].name);
    CHECK(a.tensors[i].tensor.dtype() == b.tensors[j].tensor.dtype());
    CHECK(a.tensors[i].tensor.equal(b.tensors[j].tensor));
  }
}

// A file with this header and so many zero bytes of data.
std::string file_of(const std::string& header, size_t data) {
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof size) + header + std::string(data, 0);
}

// A header's entry for a float tensor.
std::string entry(const std::string& name, const std::string& shape, const std::string& offsets) {
  return fmt::format(R"("{}":{{"dtype":"F32","shape":{},"data_offsets":{}}})", name, shape, offsets);
}

std::string header(const std::vector<std::string>& entries) { return fmt::format("{{{}}}", fmt::join(entries, ",")); }

std::string refusal(const std::string& bytes) {
  Folder folder;
  std::ofstream(folder / "x", std::ios::binary) << bytes;
  try {
    read_safetensors(folder / "x");
    return "";
  } catch (const Error& e) {
    CHECK(e.where() == folder / "x");
    return e.problem();
  }
}

}  // namespace

TEST_CASE("tensors of every dtype come back from a safetensors file as they were") {
  Folder folder;
  write_safetensors(folder / "x", example());
  check_same(read_safetensors(folder / "x", Checksum::required), example());
  write_safetensors(folder / "none", {});
  check_same(read_safetensors(folder / "none"), {});
}

TEST_CASE("a file written by Python's safetensors is read") {
  check_same(read_safetensors(TEST_DATA "/python.safetensors"), example(), false);
}

TEST_CASE("the file written is the one that Python's safetensors was seen to read") {
  Folder folder;
  write_safetensors(folder / "x", example());
  CHECK(content(folder / "x") == content(TEST_DATA "/plexiform.safetensors"));
}

TEST_CASE("every tensor of a written file is aligned to its element") {
  Folder folder;
  write_safetensors(folder / "x", {{{"byte", at::zeros({3}, at::kByte)}, {"wide", at::zeros({2}, at::kDouble)}}, {}});
  CHECK_THAT(content(folder / "x"), ContainsSubstring(R"("wide":{"dtype":"F64","shape":[2],"data_offsets":[0,16]})"));
  CHECK(read_safetensors(folder / "x").tensors[0].name == "byte");
}

TEST_CASE("a file cut anywhere is refused") {
  Folder folder;
  const std::string whole = content(TEST_DATA "/plexiform.safetensors");
  REQUIRE(whole.size() > 1000);
  for (size_t i = 0; i < 200; ++i) {
    INFO(i);
    CHECK(refusal(whole.substr(0, i * (whole.size() - 1) / 199)) != "");
  }
}

TEST_CASE("a flipped bit anywhere in our own file is noticed") {
  Folder folder;
  const std::string whole = content(TEST_DATA "/plexiform.safetensors");
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    std::ofstream(folder / "x", std::ios::binary) << bytes;
    INFO("byte " << i);
    CHECK_THROWS_AS(read_safetensors(folder / "x", Checksum::required), Error);
  }
}

TEST_CASE("a malformed safetensors file is refused with the reason") {
  const std::string a = entry("a", "[2]", "[0,8]");
  CHECK(refusal(file_of(header({a}), 8)) == "");  // sound
  CHECK_THAT(refusal(""), ContainsSubstring("shorter than 8 bytes"));
  CHECK_THAT(refusal(file_of("{}", 0).replace(0, 8, 8, '\xff')),
             ContainsSubstring("header of 18446744073709551615 bytes"));
  CHECK_THAT(refusal(file_of("{", 8)), ContainsSubstring("header is not JSON"));
  CHECK_THAT(refusal(file_of("[]", 0)), ContainsSubstring("header is not a JSON object"));
  CHECK_THAT(refusal(file_of(std::string(100'000, '['), 0)), ContainsSubstring("nested too deeply"));
  CHECK_THAT(refusal(file_of(header({a, a}), 8)), ContainsSubstring("'a' occurs twice"));
  CHECK_THAT(refusal(file_of(header({a}), 9)), ContainsSubstring("holds 9 bytes of data, its tensors need 8"));
  CHECK_THAT(refusal(file_of(header({a, entry("b", "[2]", "[4,12]")}), 12)),
             ContainsSubstring("tensor 'b' lies at bytes 4 to 12, expected from 8"));
  CHECK_THAT(refusal(file_of(header({a, entry("b", "[2]", "[16,24]")}), 24)),
             ContainsSubstring("tensor 'b' lies at bytes 16 to 24, expected from 8"));
  CHECK_THAT(refusal(file_of(header({entry("a", "[3]", "[0,8]")}), 8)), ContainsSubstring("[0,8] for 12 bytes"));
  CHECK_THAT(refusal(file_of(header({entry("a", "[2]", "[8,0]")}), 8)), ContainsSubstring("data_offsets is [8,0]"));
  CHECK_THAT(refusal(file_of(header({entry("a", "[-2]", "[0,8]")}), 8)), ContainsSubstring("shape is [-2]"));
  CHECK_THAT(refusal(file_of(header({entry("a", "[4611686018427387906]", "[0,8]")}), 8)),
             ContainsSubstring("shape is [4611686018427387906]"));
  CHECK_THAT(refusal(file_of(header({entry("a", "[0,9223372036854775807,4]", "[0,0]")}), 0)),
             ContainsSubstring("shape is [0,"));
  CHECK_THAT(refusal(file_of(R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1)),
             ContainsSubstring("has dtype F8_E4M3"));
  CHECK_THAT(refusal(file_of(R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 0) + "\x02"),
             ContainsSubstring("neither 0 nor 1"));
  CHECK_THAT(refusal(file_of(R"({"a":7})", 0)), ContainsSubstring("tensor 'a' has no dtype"));
  CHECK_THAT(refusal(file_of(R"({"__metadata__":{"epoch":7}})", 0)),
             ContainsSubstring("metadata 'epoch' is not a text"));
  CHECK_THAT(refusal(file_of(R"({"__metadata__":{"plexiform.crc64":"7"}})", 0)), ContainsSubstring("16 hexadecimal"));
}

TEST_CASE("what a safetensors file cannot hold is refused before anything is written") {
  Folder folder;
  const auto refused = [&](const std::vector<plexiform::Named>& tensors) {
    CHECK_THROWS_AS(write_safetensors(folder / "x", {tensors, {}}), Error);
  };
  refused({{"a", at::zeros({1})}, {"a", at::zeros({1})}});
  refused({{"__metadata__", at::zeros({1})}});
  refused({{"a", {}}});
  refused({{"a", at::zeros({1}, at::kComplexFloat)}});
  refused({{"\xff", at::zeros({1})}});
  CHECK(folder.entries() == 0);
}

TEST_CASE("a safetensors file that is not there is refused") {
  CHECK_THROWS_WITH(read_safetensors("/none/x"), ContainsSubstring("/none/x: cannot be read: No such file"));
  CHECK_THROWS_WITH(read_safetensors("/"), ContainsSubstring("is not a file"));
}
