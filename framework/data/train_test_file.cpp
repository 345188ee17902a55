#include <ATen/ops/stack.h>
#include <data/array_files.h>
#include <data/checks.h>
#include <data/movie.h>
#include <data/train_test_file.h>
#include <fmt/format.h>

#include <algorithm>

namespace plexiform::data {
namespace {

class Reading {
 public:
  Reading(const TrainTestFile& what, SharedMovies& movies) : what_(what), file_(what.file), movies_(movies) {}

  Session read() {
    Stimulus train{what_.stimulus, movie("train/stimulus")}, test{"test", movie("test/stimulus")};
    const Sizes size = {train.movie.size(2), train.movie.size(3)}, other = {test.movie.size(2), test.movie.size(3)};
    if (size != other) {
      throw Error(place("test/stimulus"),
                  fmt::format("has (H, W) {}, but train/stimulus has {}", text(other), text(size)),
                  "give both the same size");
    }
    auto [shown, tested] = movies_.stimuli(place("train/stimulus"), train, test, what_.normalised);
    Trial first{.stimulus = shown, .responses = {}, .repeats = {}};
    Trial second{.stimulus = tested, .responses = {}, .repeats = {}};
    first.responses = responses("train/response/" + what_.response_type, *shown, "train/stimulus");
    second.responses = responses("test/response/" + what_.response_type, *tested, "test/stimulus");
    const int64_t neurons = first.responses.size(0);
    check_neurons("test/response/" + what_.response_type, second.responses.size(0), neurons);
    second.repeats = repeats(*tested, neurons);
    if (second.repeats.defined() && what_.repeats_are_responses)
      check_mean(place("test/repeats"), second.repeats, second.responses);
    Session session;
    session.name = what_.session;
    session.neurons = neurons;
    session.train.push_back(std::move(first));
    session.tests.push_back(std::move(second));
    return session;
  }

 private:
  std::string place(const std::string& data_set) const { return what_.file + ": /" + data_set; }

  // (1, T, H, W)
  at::Tensor movie(const std::string& data_set) const {
    const Sizes shape = file_.shape(data_set);
    if (shape.size() != 3 || std::count(shape.begin(), shape.end(), 0) > 0) {
      throw Error(place(data_set), fmt::format("has shape {}, not (T, H, W)", text(shape)),
                  "store frames, rows, columns");
    }
    const auto frames = compact(file_.read(data_set)).unsqueeze(0);
    check_movie(place(data_set), frames);
    return frames;
  }

  at::Tensor in_units(const std::string& data_set, at::Tensor values) const {
    values = values.to(at::kDouble).div(what_.divisor).to(at::kFloat).contiguous();
    check_responses(place(data_set), values, /*allow_negative=*/false);
    return values;
  }

  at::Tensor responses(const std::string& data_set, const Stimulus& stimulus, const std::string& shown) const {
    check_response_shape(place(data_set), file_.shape(data_set), false, stimulus.frames(), shown);
    return in_units(data_set, file_.read(data_set));
  }

  void check_neurons(const std::string& data_set, int64_t neurons, int64_t expected) const {
    if (neurons == expected) return;
    throw Error(place(data_set),
                fmt::format("has {} neurons, but train/response/{} has {}", neurons, what_.response_type, expected),
                "store the same neurons in every data set");
  }

  // (R, N, T), or undefined.
  at::Tensor repeats(const Stimulus& stimulus, int64_t neurons) const {
    const std::string group = "test/repeats", whole = group + "/" + what_.response_type;
    if (file_.has(whole)) {
      check_response_shape(place(whole), file_.shape(whole), true, stimulus.frames(), "test/stimulus");
      check_neurons(whole, file_.shape(whole)[1], neurons);
      return in_units(whole, file_.read(whole));
    }
    std::vector<std::pair<int64_t, std::string>> cells;  // by number
    if (file_.has(group)) {
      for (const auto& name : file_.names(group)) {
        const auto digits = name.find_first_not_of("0123456789", std::min<size_t>(name.size(), 4));
        if (name.starts_with("cell") && name.size() > 4 && name.size() < 20 && digits == std::string::npos)
          cells.emplace_back(std::stoll(name.substr(4)), group + "/" + name);
      }
    }
    if (cells.empty()) return {};
    std::sort(cells.begin(), cells.end());
    check_neurons(group, static_cast<int64_t>(cells.size()), neurons);
    std::vector<at::Tensor> all;
    for (const auto& [number, data_set] : cells) {
      const Sizes shape = file_.shape(data_set), first = file_.shape(cells.front().second);
      if (shape.size() != 2 || shape[0] < 1 || shape != Sizes{first[0], stimulus.frames()}) {
        throw Error(place(data_set),
                    fmt::format("has shape {}, not ({}, {})", text(shape),
                                first.empty() ? "R" : fmt::format("{}", first[0]), stimulus.frames()),
                    "store repeats, frames: as many repeats for each cell, and frames as test/stimulus has");
      }
      all.push_back(file_.read(data_set));
    }
    return in_units(group, at::stack(all, 1));
  }

  const TrainTestFile& what_;
  const Hdf5File file_;
  SharedMovies& movies_;
};

}  // namespace

Session read_train_test_file(const TrainTestFile& what, SharedMovies& movies) { return Reading(what, movies).read(); }

}  // namespace plexiform::data
