#include <ATen/ops/zeros.h>
#include <config/knobs.h>
#include <data/readers.h>
#include <data/spike_triggered_average.h>
#include <fmt/format.h>

namespace plexiform::data {
using config::Node;

Chosen chosen_reader(const Node& root) {
  const Node* node = root.find("data_io");
  std::vector<std::string> own, stimuli, responses;
  for (const auto& reader : readers()) {
    own.push_back(reader.target);
    if (!reader.join) continue;  // openretina has no such layout
    stimuli.push_back(reader.stimuli);
    responses.push_back(reader.responses);
  }
  if (!node) throw Error("data_io", "is missing", fmt::format("add _target_: {} to a node of that name", own[0]));
  const Node* shown = node->find("stimuli");
  const Node* recorded = node->find("responses");
  const bool pair = !node->find("_target_") && shown && recorded;
  if (pair) {
    check_target(*shown, "data_io.stimuli", stimuli);
    check_target(*recorded, "data_io.responses", responses);
  } else {
    check_target(*node, "data_io", own);
  }
  for (const auto& reader : readers()) {
    if (!pair && node->find("_target_")->string == reader.target) return {&reader, *node, false};
    if (!pair || shown->find("_target_")->string != reader.stimuli) continue;
    check_target(*recorded, "data_io.responses", {reader.responses});
    return {&reader, reader.join(*shown, *recorded), true};
  }
  throw Error("data_io", "no reader was found", "choose one");  // check_target has thrown
}

Recordings read_recordings(const Node& root) {
  const Chosen chosen = chosen_reader(root);
  Recordings recordings = chosen.reader->read(chosen.node, root);
  if (const Node* node = root.find("sta_filters"); node && !node->is_null()) {
    add_sta_filters(recordings, config::read_knobs(*node, "sta_filters", StaFilterParams()));
  }
  return recordings;
}

int64_t View::frames(const Stimulus& stimulus) const {
  return clips.empty() ? stimulus.frames() : static_cast<int64_t>(clips.size()) * clip_length;
}

at::Tensor Session::mean_activity() const {
  at::Tensor sum = at::zeros({neurons}, at::kDouble);
  int64_t frames = 0;
  for (const auto& trial : train) {
    const int64_t own = trial.responses.size(1);
    if (own <= discard_frames) continue;
    // LibTorch sums in float64 by way of a copy: of few neurons at a time where a trial is long.
    const int64_t some = std::max<int64_t>(1, (1 << 20) / own);
    for (int64_t n = 0; n < neurons; n += some) {
      sum.slice(0, n, n + some) +=
          trial.responses.slice(0, n, n + some).slice(1, discard_frames).sum(1, false, at::kDouble);
    }
    frames += own - discard_frames;
  }
  return sum.div(static_cast<double>(std::max<int64_t>(1, frames))).to(at::kFloat);
}

}  // namespace plexiform::data
