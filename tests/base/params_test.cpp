#include <plexiform/params.h>

#include <catch2/catch_test_macros.hpp>

namespace {

struct Params {
  std::optional<std::vector<int64_t>> block;
  void describe(auto& knob) { knob("block", block, {.doc = "sides", .min = 1}); }
};

}  // namespace

TEST_CASE("the elements of a list that may be null are checked against the range") {
  Params params;
  plexiform::read_params(params, {{"block", nullptr}});
  plexiform::read_params(params, {{"block", {1, 2}}});
  try {
    plexiform::read_params(params, {{"block", {2, 0}}});
    FAIL("accepted");
  } catch (const plexiform::Error& e) {
    CHECK(std::string(e.what()) == "block.1: is 0\n  fix: use at least 1 (sides)");
  }
}
