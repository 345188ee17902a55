// Averages of weights, by arithmetic that can be redone by hand.
#include <ATen/ops/full.h>
#include <training/weight_average.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

using namespace plexiform;
using namespace plexiform::training;
using Catch::Matchers::WithinAbs;

namespace {

struct Weight {
  at::Tensor tensor = at::full({2}, 0.0f);
  std::vector<Named> named = {{"w", tensor}, {"count", at::full({}, 3, at::kLong)}};
  double value() const { return tensor[0].item<double>(); }
};

}  // namespace

TEST_CASE("an exponential moving average begins at the first weights and keeps `decay` of itself") {
  Weight weight;
  EmaParams params;
  params.decay = 0.5;
  params.update_every_n_steps = 2;
  params.update_starting_at_epoch = 1;
  WeightAverage average(params, weight.named);
  weight.tensor.fill_(100);
  average.step_done(2, 1);  // an epoch too early
  average.exchange();       // there is nothing to exchange yet
  CHECK(weight.value() == 100);
  double step = 2;
  for (const double next : {1.0, 50.0, 2.0, 50.0, 4.0}) {  // each 50 falls between two updates
    weight.tensor.fill_(next);
    average.step_done(static_cast<int64_t>(step += 1), 2);
  }
  CHECK(average.state()["updates"] == 2);  // steps 4 and 6
  average.exchange();
  CHECK(weight.value() == 50);  // of two equal weights
  average.exchange();
  CHECK(weight.value() == 4);
}

TEST_CASE("stochastic weight averaging is the mean of the weights after each epoch from its start on") {
  Weight weight;
  SwaParams params;
  params.swa_lrs = 0.1;
  params.swa_epoch_start = 0.5;
  params.annealing_epochs = 2;
  WeightAverage average(params, weight.named, 6);
  for (const double next : {9.0, 9.0, 9.0, 1.0, 2.0, 6.0}) {
    static int64_t epoch = 0;
    weight.tensor.fill_(next);
    average.epoch_done(++epoch);
  }
  average.exchange();
  CHECK_THAT(weight.value(), WithinAbs(3, 1e-6));
  average.exchange();
  CHECK(weight.value() == 6);
  // From 0.5 to 0.1 in two epochs along a cosine, then constant.
  CHECK_FALSE(average.rate(2, 0.5));
  CHECK_THAT(*average.rate(3, 0.5), WithinAbs(0.5, 1e-12));
  CHECK_THAT(*average.rate(4, 0.5), WithinAbs(0.3, 1e-12));
  CHECK_THAT(*average.rate(5, 0.3), WithinAbs(0.1, 1e-12));
  CHECK_THAT(*average.rate(9, 0.1), WithinAbs(0.1, 1e-12));
}

TEST_CASE("an average is restored, and one of another model refused") {
  Weight weight, other;
  WeightAverage average(EmaParams(), weight.named), same(EmaParams(), other.named);
  weight.tensor.fill_(7);
  average.step_done(1, 1);
  same.restore(average.tensors(), average.state());
  same.exchange();
  CHECK(other.value() == 7);
  CHECK_THROWS_AS(same.restore({}, average.state()), Error);
  CHECK_THROWS_AS(same.restore(average.tensors(), Json()), Error);
}
