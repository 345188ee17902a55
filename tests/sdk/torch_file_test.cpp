#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <plexiform/torch_file.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

using namespace plexiform;
using Catch::Matchers::ContainsSubstring;
using Kind = PickleValue::Kind;

namespace {

const std::string folder = PLEXIFORM_TEST_FOLDER "/state_dicts/";

std::string bytes_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Scratch {  // a file that goes with the test
  std::string file = std::filesystem::temp_directory_path() / ("torch_file_test_" + std::to_string(getpid()) + ".pt");
  ~Scratch() { std::filesystem::remove(file); }
  void write(const std::string& bytes) const { std::ofstream(file, std::ios::binary) << bytes; }
};

PickleValue::Ref entry(const PickleValue& dict, const std::string& key) {
  const auto* found = dict.find(key);
  REQUIRE(found);
  return found;
}

}  // namespace

TEST_CASE("every dtype, view and parameter of a state dict is read as it was saved, before PyTorch 1.6 and since") {
  const std::string file = GENERATE("plain.pt", "old.pt");
  const auto tensors = read_state_dict(folder + file);
  REQUIRE(tensors.size() == 15);
  const std::pair<const char*, at::ScalarType> dtypes[] = {
      {"float64", at::kDouble}, {"float32", at::kFloat}, {"float16", at::kHalf}, {"bfloat16", at::kBFloat16},
      {"int64", at::kLong},     {"int32", at::kInt},     {"int16", at::kShort},  {"int8", at::kChar},
      {"uint8", at::kByte},     {"bool", at::kBool}};
  for (size_t i = 0; i < 10; ++i) {
    INFO(dtypes[i].first);
    CHECK(tensors[i].name == dtypes[i].first);
    CHECK(tensors[i].tensor.equal(at::arange(6).remainder(2).reshape({2, 3}).to(dtypes[i].second)));
  }
  const Given saved("", tensors);
  const auto row = at::arange(12, at::kFloat);
  CHECK(saved.find("scalar").equal(at::full({}, -1.5)));
  CHECK(saved.find("empty").sizes() == at::IntArrayRef{0, 3});
  CHECK(saved.find("transposed").equal(row.reshape({3, 4}).t()));
  CHECK(saved.find("transposed").is_contiguous());
  CHECK(saved.find("part").equal(row.slice(0, 3, 9, 2)));
  CHECK(saved.find("parameter").equal(row.slice(0, 0, 2)));
  CHECK_FALSE(saved.find("parameter").requires_grad());
}

TEST_CASE("a checkpoint is a tree of values, and its state dict is found") {
  const auto tensors = read_state_dict(folder + "checkpoint.pt");
  REQUIRE(tensors.size() == 1);
  CHECK(tensors[0].name == "core.weight");
  const TorchFile file(folder + "checkpoint.pt");
  CHECK(entry(file.root(), "epoch")->integer == 3);
  CHECK(entry(file.root(), "rate")->real == 0.1);
  const auto& knobs = *entry(file.root(), "hyper_parameters");
  CHECK(entry(knobs, "in_shape")->kind == Kind::tuple);
  CHECK(entry(knobs, "in_shape")->items[1]->integer == 2);
  CHECK(entry(knobs, "names")->items[1]->text == "b");
  CHECK(entry(knobs, "on")->integer == 1);
  CHECK(entry(knobs, "none")->kind == Kind::none);
  CHECK(entry(knobs, "size")->made_by("torch.Size"));
  CHECK(entry(knobs, "large")->integer == int64_t{1} << 40);
  CHECK(entry(knobs, "negative")->integer == -7);
  CHECK(entry(knobs, "many")->items[299]->integer == 299);
  CHECK(knobs.find("missing") == nullptr);
}

TEST_CASE("what is no state dict is refused by name, and nothing of it is run") {
  CHECK_THROWS_WITH(read_state_dict(folder + "module.pt"),
                    folder +
                        "module.pt: holds a torch.nn.modules.linear.Linear, not a state dict\n"
                        "  fix: save model.state_dict(), and give that file");
  CHECK_THROWS_WITH(read_state_dict(folder + "not_tensors.pt"),
                    folder + "not_tensors.pt: 'epochs' is an integer, not a tensor\n  fix: save tensors alone");
  CHECK_THROWS_WITH(read_state_dict(folder + "wicked.pt"),
                    ContainsSubstring("'weight' is a posix.system, not a tensor"));
  CHECK_FALSE(std::filesystem::exists("was_run"));
  CHECK_THROWS_WITH(read_state_dict(folder + "none.pt"), ContainsSubstring("none.pt: cannot be read"));
}

TEST_CASE("a damaged file is answered with an error, wherever it is cut or hit") {
  const Scratch scratch;
  auto tried = [&](const std::string& bytes) {
    scratch.write(bytes);
    try {
      read_state_dict(scratch.file);
    } catch (const Error& e) {
      CHECK(std::string(e.what()).find(scratch.file) == 0);
      return false;
    }
    return true;
  };
  const std::string whole = bytes_of(folder + GENERATE("plain.pt", "old.pt"));
  CHECK(tried(whole));
  for (size_t length = 0; length < whole.size(); length += whole.size() / 60)
    CHECK_FALSE(tried(whole.substr(0, length)));
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    std::string hit = whole;
    for (int n = 0; n < 4; ++n) hit[random() % hit.size()] ^= static_cast<char>(1u << random() % 8);
    tried(hit);
  }
}

TEST_CASE("a bit that flipped in a tensor is seen") {
  using namespace std::string_literals;
  const Scratch scratch;
  std::string bytes = bytes_of(folder + "checkpoint.pt");
  const size_t two = bytes.find("\x00\x00\x80\x3f\x00\x00\x00\x40"s) + 4;  // of the weight, which is 0, 1, 2
  REQUIRE(two < bytes.size());
  bytes[two] ^= 1;
  scratch.write(bytes);
  CHECK_THROWS_WITH(read_state_dict(scratch.file),
                    scratch.file +
                        ": not a sound file of torch.save: the checksum of record data/0 does not agree\n"
                        "  fix: use another copy of the file, or write it again");

  // torch.serialization.set_crc32_options(False): there is nothing to compare with.
  const size_t name = bytes.rfind("checkpoint/data/0"), entry = bytes.rfind("PK\x01\x02", name);
  bytes.replace(entry + 16, 4, 4, 0);
  scratch.write(bytes);
  CHECK(read_state_dict(scratch.file)[0].tensor[2].item<float>() > 2);
}

TEST_CASE("a wicked pickle is answered with an error") {
  auto refused = [](const std::string& bytes) -> std::string {
    try {
      Pickle(bytes, "pickle");
    } catch (const Error& e) {
      return e.problem();
    }
    return "accepted";
  };
  using namespace std::string_literals;
  CHECK(refused("\x80\x02N."s) == "accepted");
  CHECK(refused("\x80\x02N"s) == "not a sound pickle: it ends within a value at byte 3");
  CHECK(refused("\x80\x06N."s) == "not a sound pickle: protocol 6 at byte 2");
  CHECK(refused("\x80\x02."s) == "not a sound pickle: a value is missing at byte 3");
  CHECK(refused("\x80\x02(N0s."s) == "not a sound pickle: a value is missing at byte 6");
  CHECK(refused("\x80\x02u."s) == "not a sound pickle: a mark is missing at byte 3");
  CHECK(refused("\x80\x02}(Nu."s) == "not a sound pickle: a key has no value at byte 6");
  CHECK(refused("\x80\x02h\x05."s) == "not a sound pickle: a value that was never seen is recalled at byte 4");
  CHECK(refused("\x80\x02X\xff\xff\xff\xff"s) == "not a sound pickle: it ends within a value at byte 7");
  CHECK(refused("\x80\x02\x82\x01."s) == "not a sound pickle: opcode 130 is not one that is read at byte 3");
  CHECK(refused("\x80\x02]q\x00h\x00"
                "a."s) == "accepted");  // a list that holds itself
}
