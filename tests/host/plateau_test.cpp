#include <training/early_stopping.h>
#include <training/plateau.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <fstream>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using plexiform::Error;
using plexiform::Json;
using plexiform::read_params;
using plexiform::training::EarlyStopping;
using plexiform::training::EarlyStoppingParams;
using plexiform::training::PlateauParams;
using plexiform::training::PlateauSchedule;

namespace {

template <class Params>
Params params(Json knobs) {
  if (!knobs.contains("monitor")) knobs["monitor"] = "m";
  Params params;
  read_params(params, knobs);
  return params;
}

const Json& golden() {  // made by data/plateaus.py
  static const Json json = Json::parse(std::ifstream(TEST_DATA "/plateaus.json"));
  return json;
}

// What `knobs` see in epoch s.
double metric(const Json& knobs, size_t s) {
  return golden().at("metric").at(knobs.at("mode").get<std::string>()).at(s).get<double>();
}

// The rates that a schedule of first rate 1 gives for `metrics`.
std::vector<double> rates(const Json& knobs, const std::vector<double>& metrics) {
  PlateauSchedule schedule(params<PlateauParams>(knobs), 1);
  std::vector<double> rates;
  double rate = 1;
  for (const double metric : metrics) rates.push_back(rate = schedule.update(metric, rate));
  return rates;
}

// "..x": go on, go on, stop.
std::string verdicts(const Json& knobs, const std::vector<double>& metrics) {
  EarlyStopping stopping(params<EarlyStoppingParams>(knobs));
  std::string text;
  for (const double metric : metrics) text += stopping.update(metric).stop ? 'x' : '.';
  return text;
}

const double not_a_number = std::nan("");

}  // namespace

TEST_CASE("fifty epochs give the rates of PyTorch's ReduceLROnPlateau") {
  REQUIRE(golden()["schedule"].size() == 5);
  for (const auto& example : golden()["schedule"]) {
    INFO(example[0]);
    PlateauSchedule schedule(params<PlateauParams>(example[0]), 0.01);
    double rate = 0.01;
    for (size_t s = 0; s < 50; ++s) {
      INFO("epoch " << s);
      rate = schedule.update(metric(example[0], s), rate);
      CHECK_THAT(rate, WithinRel(example[1][s].get<double>(), 1e-12));
    }
  }
}

TEST_CASE("the rate falls at the epoch after patience has run out") {
  CHECK(rates({{"patience", 2}, {"factor", 0.5}}, {5, 5, 5, 5, 5, 5, 5}) ==
        std::vector<double>{1, 1, 1, 0.5, 0.5, 0.5, 0.25});
}

TEST_CASE("without min_lr the rate falls three times at most") {
  const auto fallen = rates({{"patience", 0}, {"factor", 0.5}}, {5, 5, 5, 5, 5, 5});
  CHECK(fallen == std::vector<double>{1, 0.5, 0.25, 0.125, 0.125, 0.125});
}

TEST_CASE("a metric that is NaN is no improvement") {
  CHECK(rates({{"patience", 0}, {"factor", 0.5}}, {not_a_number, 4, not_a_number, 3}) ==
        std::vector<double>{0.5, 0.5, 0.25, 0.25});
}

TEST_CASE("a schedule of frequency 2 looks at every second epoch") {
  CHECK(rates({{"patience", 0}, {"factor", 0.5}, {"frequency", 2}}, {9, 5, 9, 5, 9, 4}) ==
        std::vector<double>{1, 1, 1, 0.5, 0.5, 0.5});
}

TEST_CASE("fifty epochs give the verdicts of Lightning's EarlyStopping") {
  REQUIRE(golden()["stopping"].size() == 5);
  for (const auto& example : golden()["stopping"]) {
    INFO(example[0]);
    EarlyStopping stopping(params<EarlyStoppingParams>(example[0]));
    for (size_t s = 0; s < 50; ++s) {
      INFO("epoch " << s);
      CHECK(stopping.update(metric(example[0], s)).stop == (example[1][s] == 1));
    }
  }
}

TEST_CASE("training stops at the patience-th epoch without improvement") {
  CHECK(verdicts({{"patience", 2}}, {5, 4, 4, 4}) == "...x");
  CHECK(verdicts({{"patience", 2}, {"min_delta", 0.5}}, {5, 4.6, 4.6}) == "..x");
  CHECK(verdicts({{"patience", 2}, {"mode", "max"}}, {5, 6, 5, 7, 6, 6}) == ".....x");
}

TEST_CASE("a metric that is not finite stops training unless it is told not to") {
  CHECK(verdicts({{"patience", 2}}, {5, not_a_number}) == ".x");
  CHECK(verdicts({{"patience", 2}, {"check_finite", false}}, {5, not_a_number, 4, not_a_number, not_a_number}) ==
        "....x");
}

TEST_CASE("the reason for stopping names the metric and its best value") {
  EarlyStopping stopping(params<EarlyStoppingParams>({{"patience", 1}, {"monitor", "val_loss"}}));
  CHECK(stopping.update(0.25).improved);
  CHECK(stopping.update(0.5).reason == "val_loss has not improved on 0.25: the patience of 1 is spent");
}

TEST_CASE("schedule and early stopping go on from their state, from the first epoch on") {
  const Json plateau = golden()["schedule"][1][0], stop = golden()["stopping"][0][0];
  for (const size_t cut : {0, 1, 7, 20}) {
    PlateauSchedule schedule(params<PlateauParams>(plateau), 0.01);
    EarlyStopping stopping(params<EarlyStoppingParams>(stop));
    double rate = 0.01;
    for (size_t s = 0; s < 50; ++s) {
      if (s == cut) {
        const auto through_text = [](const Json& state) { return Json::parse(state.dump()); };
        PlateauSchedule again(params<PlateauParams>(plateau), rate);
        again.restore(through_text(schedule.state()));
        schedule = again;
        EarlyStopping stopping_again(params<EarlyStoppingParams>(stop));
        stopping_again.restore(through_text(stopping.state()));
        stopping = stopping_again;
      }
      rate = schedule.update(metric(plateau, s), rate);
      CHECK_THAT(rate, WithinRel(golden()["schedule"][1][1][s].get<double>(), 1e-12));
      CHECK(stopping.update(metric(plateau, s)).stop == (golden()["stopping"][0][1][s] == 1));
    }
  }
  PlateauSchedule schedule(params<PlateauParams>(plateau), 0.01);
  CHECK_THROWS_WITH(schedule.restore({{"best", 1}}), ContainsSubstring("not that of a plateau"));
  CHECK_THROWS_AS(EarlyStopping(params<EarlyStoppingParams>(stop)).restore("x"), Error);
}

TEST_CASE("mistakes in a schedule's or early stopping's knobs are refused") {
  CHECK_THROWS_WITH(params<PlateauParams>({{"factor", 1.0}}), ContainsSubstring("factor: is 1"));
  CHECK_THROWS_WITH(params<PlateauParams>({{"interval", "step"}}),
                    ContainsSubstring("interval: is 'step'\n  fix: use one of: epoch"));
  CHECK_THROWS_WITH(params<EarlyStoppingParams>({{"patients", 2}}), ContainsSubstring("did you mean 'patience'?"));
  EarlyStoppingParams stopping;
  CHECK_THROWS_WITH(read_params(stopping, Json::object()), ContainsSubstring("monitor: is missing"));
}
