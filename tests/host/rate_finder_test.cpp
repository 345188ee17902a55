// The range test of the learning rate, on losses whose answer is known.
#include <training/rate_finder.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <limits>

using namespace plexiform;
using namespace plexiform::training;
using Catch::Matchers::WithinRel;

TEST_CASE("rates grow from min_lr to max_lr by a constant factor, or by a constant step") {
  RateFinderParams params;
  params.min_lr = 1e-4;
  params.num_training_steps = 40;
  for (const char* mode : {"exponential", "linear"}) {
    params.mode = mode;
    RateFinder finder(params);
    std::vector<double> rates;
    while (const auto rate = finder.next()) {
      rates.push_back(*rate);
      finder.record(1 + 0.01 * static_cast<double>(rates.size()));
    }
    REQUIRE(rates.size() == 40);
    CHECK_THAT(rates.back(), WithinRel(1.0, 1e-12));
    const bool linear = params.mode == "linear";
    const auto step = [&](size_t i) { return linear ? rates[i] - rates[i - 1] : rates[i] / rates[i - 1]; };
    CHECK_THAT(step(1), WithinRel(step(39), 1e-9));
    CHECK_FALSE(finder.suggestion());  // the loss never falls
  }
}

TEST_CASE("the suggestion is where the loss falls fastest") {
  RateFinderParams params;
  params.num_training_steps = 100;
  RateFinder finder(params);
  std::vector<double> rates;
  for (int i = 0; const auto rate = finder.next(); ++i) {
    rates.push_back(*rate);
    finder.record(2 - std::tanh((i - 60) / 3.0));  // falls from 3 to 1 around step 60
  }
  const double found = finder.suggestion().value();
  CHECK(found >= rates[57]);
  CHECK(found <= rates[64]);  // smoothing lags behind
}

TEST_CASE("a test whose loss explodes ends early") {
  RateFinderParams params;
  RateFinder grows(params);
  int steps = 0;
  for (; grows.next(); ++steps) grows.record(std::pow(3.0, steps));
  CHECK(steps < 20);
  RateFinder breaks(params);
  breaks.record(1);
  breaks.record(std::numeric_limits<double>::infinity());
  CHECK_FALSE(breaks.next());
  params.early_stop_threshold.reset();
  RateFinder patient(params);
  for (steps = 0; patient.next(); ++steps) patient.record(std::pow(3.0, steps));
  CHECK(steps == 100);
}

TEST_CASE("a range that is none is refused") {
  RateFinderParams params;
  CHECK_THROWS_AS(read_params(params, Json{{"min_lr", 0.0}}), Error);
  CHECK_THROWS_AS(read_params(params, Json{{"min_lr", 0.1}, {"max_lr", 0.01}}), Error);
}
