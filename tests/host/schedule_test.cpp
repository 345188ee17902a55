#include <training/schedule.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <fstream>

using Catch::Matchers::ContainsSubstring;
using plexiform::Error;
using plexiform::Json;
using plexiform::training::make_schedule;
using plexiform::training::ScheduleContext;

namespace {

std::string refusal(const std::string& name, const Json& knobs, const ScheduleContext& context = {0.02, 50, true}) {
  try {
    make_schedule("torch.optim.lr_scheduler." + name, knobs, context);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("fifty counts give the rates and momenta of PyTorch's schedules") {
  const Json cases = Json::parse(std::ifstream(TEST_DATA "/schedules.json"));
  REQUIRE(cases.size() == 20);
  for (const auto& example : cases) {
    INFO(example[0] << example[1]);
    const auto schedule = make_schedule(example[0], example[1], {0.02, 50, true});
    for (int64_t n = 0; n < 50; ++n) {
      const double expected = example[2][n];
      INFO("count " << n << ": " << schedule->rate(n) << ", PyTorch " << expected);
      CHECK(std::abs(schedule->rate(n) - expected) <= 1e-9 * 0.1);
      if (example[3].is_null()) {
        CHECK_FALSE(schedule->momentum(n));
      } else {
        CHECK(std::abs(schedule->momentum(n).value() - example[3][n].get<double>()) <= 1e-9);
      }
    }
    CHECK(std::abs(schedule->rate(7) - example[2][7].get<double>()) <= 1e-9);  // asked out of order, as after a resume
  }
}

TEST_CASE("one cycle without a length lasts as long as the run") {
  const Json knobs = {{"max_lr", 0.1}};
  const auto schedule = make_schedule("torch.optim.lr_scheduler.OneCycleLR", knobs, {0.02, 300, true});
  CHECK(std::abs(schedule->rate(0) - 0.1 / 25) < 1e-15);
  CHECK(std::abs(schedule->rate(89) - 0.1) < 1e-15);  // 0.3 of 300 counts
  CHECK(std::abs(schedule->rate(299) - 0.1 / 25 / 1e4) < 1e-15);
  CHECK(schedule->rate(5000) == schedule->rate(299));
  CHECK_THAT(refusal("OneCycleLR", knobs, {0.02, 0, true}), ContainsSubstring("total_steps: is not known"));
  CHECK_THAT(refusal("OneCycleLR", knobs, {0.02, 300, false}), ContainsSubstring("the optimiser has no momentum"));
}

TEST_CASE("a schedule that cannot be is refused with the place of the mistake") {
  CHECK_THAT(refusal("StepLr", {}), ContainsSubstring("did you mean 'torch.optim.lr_scheduler.StepLR'?"));
  CHECK_THAT(refusal("StepLR", Json::object()), ContainsSubstring("step_size: is missing"));
  CHECK_THAT(refusal("StepLR", {{"step_size", 3}, {"gama", 1}}), ContainsSubstring("gama: no such parameter"));
  const Json part = {{"_target_", "torch.optim.lr_scheduler.ExponentialLR"}, {"gamma", -1}};
  CHECK_THAT(refusal("ChainedScheduler", {{"schedulers", {part}}}), ContainsSubstring("schedulers.0.gamma: is -1"));
  CHECK_THAT(refusal("ChainedScheduler", {{"schedulers", {3}}}), ContainsSubstring("schedulers.0: names no schedule"));
  const Json good = {{"_target_", "torch.optim.lr_scheduler.ExponentialLR"}, {"gamma", 0.9}};
  CHECK_THAT(refusal("SequentialLR", {{"schedulers", {good, good}}, {"milestones", {5, 7}}}),
             ContainsSubstring("milestones: is [5,7]"));
}
