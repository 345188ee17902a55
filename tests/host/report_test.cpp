#include <ATen/ops/tensor.h>
#include <evaluation/metrics.h>
#include <evaluation/report.h>
#include <plexiform/error.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>

#include "../folder.h"

using namespace plexiform::evaluation;

namespace {

const double unknown = std::nan("");

at::Tensor scores(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

std::vector<NeuronScores> two_sessions() {
  return {{"day 1, left",
           "movie",
           {"a", "b \"2\""},
           {{"correlation_to_average", scores({0.5, 0.25})},
            {"noise_ceiling", scores({0.625, 0})},
            {"normalized_correlation", scores({0.8, unknown})}}},
          {"2",
           "movie",
           {},
           {{"correlation_to_average", scores({0.75})},
            {"noise_ceiling", scores({unknown})},
            {"normalized_correlation", scores({unknown})}}}};
}

}  // namespace

TEST_CASE("a summary is over the scores that are numbers") {
  const Summary s = summarize(scores({4, unknown, 1, 1, 8}));
  CHECK(s.n == 4);
  CHECK(s.median == 2.5);
  CHECK(s.mean == 3.5);
  CHECK(summarize(scores({3, 1, 2})).median == 2);
  CHECK(summarize(scores({unknown})).n == 0);
  CHECK(std::isnan(summarize(scores({})).median));
}

TEST_CASE("the CSV has a line per neuron") {
  CHECK(to_csv(two_sessions()) ==
        "session,stimulus,neuron,correlation_to_average,noise_ceiling,normalized_correlation\n"
        "\"day 1, left\",movie,a,0.5,0.625,0.8\n"
        "\"day 1, left\",movie,\"b \"\"2\"\"\",0.25,0,nan\n"
        "2,movie,0,0.75,nan,nan\n");
  CHECK(to_csv({}) == "session,stimulus,neuron\n");
}

TEST_CASE("scores of different numbers of neurons are refused") {
  auto all = two_sessions();
  all[0].neurons.pop_back();
  CHECK_THROWS_AS(to_csv(all), std::invalid_argument);
  all = two_sessions();
  all[1].scores[1].tensor = scores({1, 2});
  CHECK_THROWS_AS(to_json(all), std::invalid_argument);
}

TEST_CASE("the JSON has scores, summaries and what each metric means") {
  const auto json = to_json(two_sessions());
  CHECK(json["definitions"].size() == 3);
  CHECK(json["definitions"]["noise_ceiling"].get<std::string>().find("Schoppe") != std::string::npos);
  CHECK(json["sessions"][0].dump() == R"({"session":"day 1, left","stimulus":"movie","neurons":["a","b \"2\""],)"
                                      R"("scores":{"correlation_to_average":[0.5,0.25],"noise_ceiling":[0.625,0.0],)"
                                      R"("normalized_correlation":[0.8,null]},)"
                                      R"("summary":{"correlation_to_average":{"median":0.375,"mean":0.375,"n":2},)"
                                      R"("noise_ceiling":{"median":0.3125,"mean":0.3125,"n":2},)"
                                      R"("normalized_correlation":{"median":0.8,"mean":0.8,"n":1}}})");
  CHECK(json["sessions"][1]["neurons"].dump() == R"(["0"])");
  CHECK(json["summary"]["correlation_to_average"].dump() == R"({"median":0.5,"mean":0.5,"n":3})");
}

TEST_CASE("the table shows each session beside its noise ceiling, and all of them") {
  CHECK(to_table(two_sessions(), "test") ==
        "session      stimulus  neurons  test correlation  noise ceiling  fraction\n"
        "day 1, left  movie           2             0.375          0.312     0.800\n"
        "2            movie           1             0.750              -         -\n"
        "all                          3             0.500          0.312     0.800\n"
        "medians over neurons; fraction: test correlation / noise ceiling of each neuron\n");
}

TEST_CASE("a report takes what score() gives, and is written as CSV and JSON") {
  Folder folder;
  const at::Tensor p = at::tensor({1.0, 2.0, 4.0}).unsqueeze(1);
  const std::vector<NeuronScores> all = {{"s", "movie", {}, score(p, p, {})}};
  write_report(folder.path.string(), all);
  CHECK(content(folder / "scores.csv") == to_csv(all));
  CHECK(nlohmann::ordered_json::parse(content(folder / "scores.json")) ==
        nlohmann::ordered_json::parse(to_json(all).dump()));
  CHECK(folder.entries() == 2);
  CHECK_THROWS_AS(write_report(folder / "none", all), plexiform::Error);
}
