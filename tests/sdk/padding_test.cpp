#include <plexiform/layers/padding.h>

#include <catch2/catch_test_macros.hpp>

using namespace plexiform::layers;
using plexiform::Json;

namespace {

Padding read(const Json& json) {
  Padding padding;
  plexiform::knobs::Type<Padding>::read(json, padding);
  return padding;
}

std::vector<int64_t> both(Zeros zeros) { return {zeros.before, zeros.after}; }

}  // namespace

TEST_CASE("a padding is a bool, a word, a number or three numbers") {
  CHECK(Json(read(false)) == Json::parse("[0, 0, 0]"));
  CHECK(Json(read("valid")) == Json::parse("[0, 0, 0]"));
  CHECK(Json(read(2)) == Json::parse("[2, 2, 2]"));
  CHECK(Json(read(Json::parse("[0, 1, 2]"))) == Json::parse("[0, 1, 2]"));
  CHECK(Json(read(true)) == "same");
  CHECK(Json(read("same")) == "same");
  CHECK(Json(read("same_space")) == "same_space");
}

TEST_CASE("anything else is no padding") {
  for (const char* text : {"-1", "1.5", "\"sane\"", "null", "[1, 2]", "[0, 1, -1]", "[0, 1, 2, 3]", "{}"}) {
    INFO(text);
    CHECK_THROWS(read(Json::parse(text)));
  }
}

TEST_CASE("in space, same padding has its odd zero behind") {
  CHECK(both(Padding::same().in_height(5)) == std::vector<int64_t>{2, 2});
  CHECK(both(Padding::same().in_width(4)) == std::vector<int64_t>{1, 2});
  CHECK(both(read(Json::parse("[9, 1, 2]")).in_height(5)) == std::vector<int64_t>{1, 1});
  CHECK(both(read(Json::parse("[9, 1, 2]")).in_width(5)) == std::vector<int64_t>{2, 2});
}

TEST_CASE("in time, all zeros come before, unless both sides are asked for") {
  CHECK(both(Padding::same().in_time(4)) == std::vector<int64_t>{3, 0});
  CHECK(both(Padding::same().in_time(4, true)) == std::vector<int64_t>{1, 2});
  CHECK(both(read(2).in_time(4)) == std::vector<int64_t>{4, 0});
  CHECK(both(read(2).in_time(4, true)) == std::vector<int64_t>{2, 2});
  CHECK(both(Padding::same_space().in_time(4)) == std::vector<int64_t>{0, 0});
}

TEST_CASE("one padding serves all layers, a list serves them one by one") {
  auto read_all = [](const char* text) {
    Paddings paddings;
    plexiform::knobs::Type<Paddings>::read(Json::parse(text), paddings);
    return paddings;
  };
  CHECK(read_all("[0, 1, 2]").each.size() == 1);  // time, height, width
  CHECK(read_all("[0, 1, 2]").fits(5));
  const auto two = read_all("[\"same\", [0, 1, 2]]");
  CHECK(two.fits(2));
  CHECK_FALSE(two.fits(3));
  CHECK(Json(two.of(0)) == "same");
  CHECK(Json(two.of(1)) == Json::parse("[0, 1, 2]"));
  CHECK(Json(two) == Json::parse("[\"same\", [0, 1, 2]]"));
  CHECK_THROWS(read_all("[]"));
}
