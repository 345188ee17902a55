#include <config/knobs.h>
#include <data/clips.h>
#include <data/numpy_random.h>
#include <data/sridhar_2025.h>
#include <data/trial_loader.h>
#include <fmt/format.h>

#include <algorithm>

namespace plexiform::data {
namespace {

struct Knobs {
  int64_t batch_size = 16, time_chunk_size = 100, temporal_dilation = 1;
  double train_frac = 0.8;
  std::optional<int64_t> seed, num_of_trials_to_use;
  bool final_training = false;
  int64_t start_using_trial = 0;
  std::optional<std::vector<std::vector<int64_t>>> hard_coded;
  Json num_of_frames = 1, hidden_temporal_dilation = 1;
  Json num_of_layers, device, use_cache, cache_maxsize, chunked_sampling, num_of_hidden_frames, shuffle;

  void describe(auto& knob) {
    knob("batch_size", batch_size, {.doc = "windows per training step", .min = 1});
    knob("time_chunk_size", time_chunk_size, {.doc = "predicted bins of a window", .unit = "frames", .min = 1});
    knob("num_of_frames", num_of_frames, {.doc = "temporal kernels of the core, a number or a list", .unit = "frames"});
    knob("temporal_dilation", temporal_dilation, {.doc = "of the first kernel", .min = 1});
    knob("hidden_temporal_dilation", hidden_temporal_dilation, {.doc = "of the others, a number or a list"});
    knob("train_frac", train_frac, {.doc = "of the trials; the rest is for validation", .min = 0, .max = 1});
    knob("seed", seed, {.doc = "of the order of trials; null: 1000", .min = 0, .max = 4294967295});
    knob("final_training", final_training, {.doc = "train on the validation trials as well"});
    knob("num_of_trials_to_use", num_of_trials_to_use, {.doc = "null: all", .min = 1});
    knob("start_using_trial", start_using_trial, {.doc = "the first trial that is used", .min = 0});
    knob("hard_coded", hard_coded, {.doc = "[training trials, validation trials], instead of drawing them"});
    for (auto& [name, field] :
         std::initializer_list<std::pair<const char*, Json*>>{{"num_of_layers", &num_of_layers},
                                                              {"device", &device},
                                                              {"use_cache", &use_cache},
                                                              {"cache_maxsize", &cache_maxsize},
                                                              {"chunked_sampling", &chunked_sampling},
                                                              {"num_of_hidden_frames", &num_of_hidden_frames},
                                                              {"shuffle", &shuffle}}) {
      knob(name, *field, {.doc = "accepted"});
    }
  }
};

std::vector<int64_t> integers(const Json& value, const std::string& knob) {
  const Json list = value.is_array() ? value : Json::array({value});
  std::vector<int64_t> all;
  for (const auto& item : list) {
    if (!item.is_number_integer() || item.get<int64_t>() < 1) {
      refuse_knob(knob, "is " + value.dump(), "use a whole number above 0, or a list of such");
    }
    all.push_back(item.get<int64_t>());
  }
  if (all.empty()) refuse_knob(knob, "is empty", "use a whole number above 0, or a list of such");
  return all;
}

// Frames before the first that a core of these kernels predicts.
int64_t overhead(const Knobs& knobs) {
  const auto kernels = integers(knobs.num_of_frames, "num_of_frames");
  auto dilations = integers(knobs.hidden_temporal_dilation, "hidden_temporal_dilation");
  if (!knobs.hidden_temporal_dilation.is_array()) dilations.assign(kernels.size() - 1, dilations[0]);
  if (dilations.size() + 1 < kernels.size()) {
    refuse_knob("hidden_temporal_dilation",
                fmt::format("has {} entries for {} layers", dilations.size(), kernels.size() - 1),
                "use one number, or one per layer after the first");
  }
  int64_t frames = (kernels[0] - 1) * knobs.temporal_dilation;
  for (size_t layer = 1; layer < kernels.size(); ++layer) frames += (kernels[layer] - 1) * dilations[layer - 1];
  return frames;
}

}  // namespace

std::string trial_loader(const config::Node& root) {
  const config::Node* target = root.at_path("dataloader._target_");
  const std::string there = "openretina.data_io.sridhar_2025.dataloaders.";
  for (const auto& known :
       {std::string("plexiform.data.Trials"), there + "frame_movie_loader", there + "white_noise_loader"}) {
    if (target && target->string == known) return known;
  }
  return "";
}

LoaderParams read_trial_loader(const config::Node& root) {
  config::Node node = *root.find("dataloader");
  const auto of_reader = sridhar_2025_knobs();
  std::erase_if(node.entries, [&](const auto& entry) {
    return std::find(of_reader.begin(), of_reader.end(), entry.first) != of_reader.end() && entry.first != "path";
  });
  const auto knobs = config::read_knobs<Knobs>(node, "dataloader");
  if (knobs.hard_coded && knobs.hard_coded->size() != 2) {
    refuse_knob("hard_coded", fmt::format("has {} lists", knobs.hard_coded->size()),
                "use [training trials, validation trials]");
  }
  LoaderParams params;
  params.batch_size = knobs.batch_size;
  params.train_chunk_size = knobs.time_chunk_size + overhead(knobs);
  params.clip_length = params.train_chunk_size;
  params.trials = TrialSplit{knobs.train_frac,        knobs.seed.value_or(1000),  knobs.final_training,
                             knobs.start_using_trial, knobs.num_of_trials_to_use, knobs.hard_coded};
  return params;
}

TrialSplit::Trials TrialSplit::draw(int64_t trials) const {
  Trials drawn;
  auto has = [](const std::vector<int64_t>& part, int64_t trial) {
    return std::find(part.begin(), part.end(), trial) != part.end();
  };
  if (hard_coded) {
    drawn = {hard_coded->at(0), hard_coded->at(1)};
    for (const auto* part : {&drawn.train, &drawn.validation}) {
      for (const int64_t trial : *part) {
        if (trial < 0 || trial >= trials) {
          refuse_knob("hard_coded", fmt::format("names trial {} of {}", trial, trials),
                      fmt::format("use 0 to {}", trials - 1));
        }
      }
    }
  } else {
    NumpyRandom random(static_cast<uint32_t>(seed));
    const auto split = static_cast<int64_t>(static_cast<double>(trials) * train_frac);
    auto apart = [&](int64_t a, int64_t b) {
      return (has(drawn.train, a) && has(drawn.validation, b)) || (has(drawn.train, b) && has(drawn.validation, a));
    };
    int attempts = 0;
    do {
      if (++attempts > 10000) {
        refuse_knob(
            "train_frac",
            fmt::format("is {}: no draw of {} trials keeps 0 and 9, and 10 and 19, together", train_frac, trials),
            "use another fraction, or hard_coded");
      }
      const auto order = random.permutation(trials);
      drawn = {{order.begin(), order.begin() + split}, {order.begin() + split, order.end()}};
    } while (apart(0, 9) || apart(10, 19));
    if (final_training) drawn.train.insert(drawn.train.end(), drawn.validation.begin(), drawn.validation.end());
  }
  for (auto* part : {&drawn.train, &drawn.validation}) {
    std::erase_if(*part, [&](int64_t trial) {
      const int64_t end = count ? first + *count : trials;
      return trial >= end || (!hard_coded && trial < first);
    });
  }
  return drawn;
}

}  // namespace plexiform::data
