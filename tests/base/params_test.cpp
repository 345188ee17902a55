#include <plexiform/params.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>

namespace {

struct Params {
  std::optional<std::vector<int64_t>> block;
  int64_t side = 3;
  std::optional<bool> on;
  std::string name;
  void describe(auto& knob) {
    knob("block", block, {.doc = "sides", .min = 1});
    knob("side", side, {.doc = "filter side", .unit = "px", .min = 1, .step = 2});
    knob("on", on);
    knob("name", name);
  }
};

}  // namespace

TEST_CASE("the elements of a list that may be null are checked against the range") {
  Params params;
  plexiform::read_params(params, {{"block", nullptr}});
  plexiform::read_params(params, {{"block", {1, 2}}});
  CHECK_THROWS_WITH(plexiform::read_params(params, {{"block", {2, 0}}}),
                    "block.1: is 0\n  fix: use at least 1 (sides)");
}

TEST_CASE("a value of another type is refused with what is taken instead") {
  Params params;
  const auto refused = [&](const plexiform::Json& values, const std::string& why) {
    CHECK_THROWS_WITH(plexiform::read_params(params, values), why);
  };
  refused({{"side", "x"}},
          "side: is \"x\", not an integer\n  fix: use an integer, at least 1 in steps of 2 (filter side, px)");
  refused({{"side", 1.5}},
          "side: is 1.5, not an integer\n  fix: use an integer, at least 1 in steps of 2 (filter side, px)");
  refused({{"side", 4}}, "side: is 4\n  fix: use 3 or 5 (filter side, px)");
  refused({{"on", 1}}, "on: is 1, not true or false or null\n  fix: use true or false or null");
  refused({{"name", 3}}, "name: is 3, not a text\n  fix: use a text");
}
