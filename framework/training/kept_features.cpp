#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_file.h>
#include <training/kept_features.h>
#include <training/mixed_precision.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace plexiform::training {
namespace {

constexpr double most_in_memory = 2;  // GB, where trainer.keep_features is auto

Shape with_time(Shape shape, int64_t time) {
  shape.time = time;
  return shape;
}

}  // namespace

std::string KeptFeatures::obstacle(const Task& task) {
  const auto& model = task.model;
  if (task.settings.trainer.shared_core_pass) return "trainer.shared_core_pass is true";
  if (!core_is_frozen(task)) return "the core is trained, or its batch statistics move";
  if (task.settings.augmentation.any()) return "the stimulus is augmented";
  const auto temporal = model.core->temporal();
  if (!temporal.causal) return "the core looks into the future";
  // Zeros before a window would stand for other bins of its trial.
  const auto cut = model.bins_cut(model.window);
  if (!cut || *cut < temporal.history) return "the core pads time";
  for (const auto& part : task.split.train) {
    if (part.across) return "windows cross the ends of trials (dataloader.allow_over_boundaries)";
  }
  return "";
}

KeptFeatures::KeptFeatures(const Task& task)
    : task_(task), lag_(task.model.window.time - task.model.features.time), features_(task.model.features) {
  const std::string& where = task.settings.trainer.keep_features;
  in_file_ = where == "file" || (where == "auto" && gigabytes() > most_in_memory);
}

double KeptFeatures::gigabytes() const {
  int64_t bins = 0;
  for (const auto& session : task_.recordings.sessions) {
    for (const auto& trial : session.train) bins += trial.frames() - lag_;
  }
  return 1e-9 * sizeof(float) * static_cast<double>(bins * features_.channels * features_.height * features_.width);
}

at::Tensor KeptFeatures::memory(int64_t numbers) const {
  if (!in_file_) return at::empty({numbers}, at::kFloat);
  const std::string name = task_.folder + "/features" + std::to_string(task_.processes.rank()) + ".tmp";
  const auto space = std::filesystem::space(task_.folder).available;
  if (space < numbers * sizeof(float)) {
    throw Error("trainer.keep_features",
                "a trial's features take " + std::to_string((numbers * 4) >> 20) + " MB, but the disk of " +
                    task_.folder + " has " + std::to_string(space >> 20),
                "set it to no, or write the run elsewhere");
  }
  const auto mapped = at::from_file(name, /*shared=*/true, numbers, at::kFloat);
  std::filesystem::remove(name);
  return mapped;
}

const at::Tensor& KeptFeatures::of_trial(size_t session, size_t number) {
  at::Tensor& kept = trials_[{session, number}];
  if (kept.defined()) return kept;
  const auto& model = task_.model;
  const int64_t frames = task_.recordings.sessions[session].train[number].frames();
  const auto [F, T, H, W] = with_time(features_, frames - lag_);
  kept = memory(T * F * H * W).view({T, F, H, W});
  const at::NoGradGuard no_grad;
  const MixedPrecision mixed(task_.settings.trainer.mixed_precision(), model.device);
  // Pieces of the size of a batch, the last one moved back into the trial.
  const int64_t bins = std::max(model.window.time, task_.loader.batch_size * task_.loader.train_chunk_size);
  const data::Part part{.session = session, .name = "train", .length = std::min(frames, bins)};
  for (int64_t begin = 0;; begin += part.length - lag_) {
    begin = std::min(begin, frames - part.length);
    const auto batch = data::gather(task_.recordings, part, {{number, begin}}).to(model.device);
    const auto features = model.features_of(batch.stimulus, session, batch.traces).squeeze(0).transpose(0, 1);
    kept.slice(0, begin, begin + part.length - lag_).copy_(features);
    if (begin + part.length == frames) return kept;
  }
}

at::Tensor KeptFeatures::of(size_t session, const std::vector<data::Window>& windows, int64_t length) {
  const auto [F, T, H, W] = with_time(features_, length - lag_);
  const auto all = at::empty({static_cast<int64_t>(windows.size()), T, F, H, W}, at::kFloat);
  float* to = all.mutable_data_ptr<float>();
  const int64_t bin = F * H * W;
  for (const auto& window : windows) {
    const auto* const from = of_trial(session, window.trial).const_data_ptr<float>() + window.begin * bin;
    to = std::copy_n(from, T * bin, to);
  }
  return all.to(task_.model.device).transpose(1, 2);
}

}  // namespace plexiform::training
