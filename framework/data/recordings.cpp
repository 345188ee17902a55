#include <ATen/ops/zeros.h>
#include <config/knobs.h>
#include <data/hdf5_folder.h>
#include <data/recordings.h>
#include <fmt/format.h>

namespace plexiform::data {
namespace {

using config::Node;

const std::string own_target = "plexiform.data.Hdf5Folder";
const std::string openretina_stimuli = "openretina.data_io.h5_dataset_reader.load_stimuli";
const std::string openretina_responses = "openretina.data_io.h5_dataset_reader.load_responses";

void check_target(const Node& node, const std::string& path, const std::string& known) {
  const Node* target = node.find("_target_");
  if (!target) throw Error(config::where(node, path), "has no _target_", "add _target_: " + known);
  if (target->string != known) {
    throw Error(config::where(*target, path + "._target_"), fmt::format("no reader is called '{}'", target->string),
                did_you_mean(target->string, {known}));
  }
}

// Reads, and gives an error about a knob the place in the config where it is set.
Recordings read_folder(const Hdf5FolderParams& params, const Node& node, const std::string& path,
                       const std::string& name_of_path) {
  try {
    params.check();
    return read_hdf5_folder(params);
  } catch (const Error& e) {
    const std::string knob = e.where() == "path" ? name_of_path : e.where();
    const Node* set = node.find(knob);
    if (!set) throw;
    throw Error(config::where(*set, path + "." + knob), e.problem(), e.fix());
  }
}

// The same layout, in the two nodes of openretina's reader; its other keys of data_io are for
// interpolation.
struct OpenretinaStimuli {
  std::string base_data_path;
  std::vector<std::string> test_names;
  std::optional<std::vector<int64_t>> stimulus_size;
  std::optional<double> norm_mean, norm_std;
  void describe(auto& knob) {
    knob("base_data_path", base_data_path, {.doc = "folder with stimuli/ and the sessions", .required = true});
    knob("test_names", test_names, {.doc = "stimuli to test on", .required = true});
    knob("stimulus_size", stimulus_size, {.doc = "[channels, height, width]", .min = 1});
    knob("norm_mean", norm_mean, {.doc = "subtracted from stimuli; null: 0"});
    knob("norm_std", norm_std, {.doc = "stimuli are divided by it; null: 1", .min = 1e-12});
  }
};
struct OpenretinaResponses {
  std::string base_data_path;
  std::vector<std::string> test_names;
  int64_t discard_frames = 0;
  bool allow_negative = true;
  void describe(auto& knob) {
    knob("base_data_path", base_data_path, {.doc = "folder with stimuli/ and the sessions", .required = true});
    knob("test_names", test_names, {.doc = "stimuli to test on", .required = true});
    knob("discard_frames", discard_frames,
         {.doc = "at the start of every trial, neither trained on nor scored", .unit = "frames", .min = 0});
    knob("allow_negative", allow_negative, {.doc = "accept responses below zero"});
  }
};

Recordings read_pair(const Node& stimuli_node, const Node& responses_node) {
  check_target(stimuli_node, "data_io.stimuli", openretina_stimuli);
  check_target(responses_node, "data_io.responses", openretina_responses);
  const auto stimuli = config::read_knobs<OpenretinaStimuli>(stimuli_node, "data_io.stimuli");
  const auto responses = config::read_knobs<OpenretinaResponses>(responses_node, "data_io.responses");
  auto differ = [&](const char* key) {
    throw Error(config::where(*responses_node.find(key), std::string("data_io.responses.") + key),
                "differs from the one of data_io.stimuli", "give both the same");
  };
  if (stimuli.base_data_path != responses.base_data_path) differ("base_data_path");
  if (stimuli.test_names != responses.test_names) differ("test_names");

  Hdf5FolderParams params{.path = stimuli.base_data_path,
                          .test_names = stimuli.test_names,
                          .stimulus_size = stimuli.stimulus_size,
                          .norm_mean = stimuli.norm_mean.value_or(0),
                          .norm_std = stimuli.norm_std.value_or(1),
                          .discard_frames = responses.discard_frames,
                          .allow_negative = responses.allow_negative};
  return read_folder(params, stimuli_node, "data_io.stimuli", "base_data_path");
}

}  // namespace

Recordings read_recordings(const Node& root) {
  const Node* node = root.find("data_io");
  if (!node) throw Error("data_io", "is missing", fmt::format("add _target_: {} to a node of that name", own_target));
  const Node* stimuli = node->find("stimuli");
  const Node* responses = node->find("responses");
  if (!node->find("_target_") && stimuli && responses) return read_pair(*stimuli, *responses);
  check_target(*node, "data_io", own_target);
  return read_folder(config::read_knobs<Hdf5FolderParams>(*node, "data_io"), *node, "data_io", "path");
}

at::Tensor Session::mean_activity() const {
  at::Tensor sum = at::zeros({neurons}, at::kDouble);
  int64_t frames = 0;
  for (const auto& trial : train) {
    const int64_t own = trial.responses.size(1);
    if (own <= discard_frames) continue;
    sum += trial.responses.slice(1, discard_frames).sum(1, false, at::kDouble);
    frames += own - discard_frames;
  }
  return sum.div(static_cast<double>(std::max<int64_t>(1, frames))).to(at::kFloat);
}

}  // namespace plexiform::data
