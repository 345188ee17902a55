#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/record_function.h>
#include <data/shared_stream.h>
#include <evaluation/metrics.h>
#include <parallel/host/batch_rows.h>
#include <training/kept_features.h>
#include <training/metrics_log.h>
#include <training/mixed_precision.h>
#include <training/task.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace plexiform::training {

std::vector<std::vector<data::Window>> limited(const Task& task, const data::Part& part, const Json& limit) {
  auto batches = data::in_order(part, data::windows_per_batch(task.loader, part.length));
  batches.resize(share_of(limit, static_cast<int64_t>(batches.size())));
  return batches;
}

bool core_is_frozen(const Task& task) {
  if (task.settings.frozen.empty() || task.settings.compat == "openretina") return false;
  const auto parameters = task.model.core->parameters();
  return std::none_of(parameters.begin(), parameters.end(), [](const Named& p) { return p.tensor.requires_grad(); });
}

void training_mode(const Task& task) {
  task.model.train(true);
  if (core_is_frozen(task)) task.model.core->train(false);
}

namespace {

// With trainer.shared_core_pass, the features of validation windows: the core passes once over what several sessions saw.
class SharedFeatures {
 public:
  static bool suit(const Task& task) {
    return task.settings.trainer.shared_core_pass && !task.features && !task.processes.several();
  }
  explicit SharedFeatures(const Task& task) : task_(task) {}

  at::Tensor of(const data::Part& part, const std::vector<data::Window>& windows) {
    if (numbers_ > most) all_.clear(), numbers_ = 0;
    const auto& trials = task_.recordings.sessions[part.session].train;
    std::vector<data::Shown> shown, new_shown;
    std::vector<data::Window> new_windows;
    for (const auto& window : windows) {
      shown.push_back(data::shown(trials[window.trial], window, part.length));
      if (all_.contains(shown.back())) continue;
      new_shown.push_back(shown.back());
      new_windows.push_back(window);
    }
    if (!new_windows.empty()) {
      const auto stimulus = data::gather(task_.recordings, part, new_windows).stimulus.to(task_.model.device);
      const auto features = task_.model.features_of(stimulus, part.session).transpose(1, 2).contiguous();
      numbers_ += features.numel();
      for (size_t k = 0; k < new_shown.size(); ++k) all_[new_shown[k]] = features[static_cast<int64_t>(k)];
    }
    std::vector<at::Tensor> rows;
    for (const auto& one : shown) rows.push_back(all_.at(one));
    return at::stack(rows).transpose(1, 2);
  }

 private:
  static constexpr int64_t most = int64_t{1} << 26;  // numbers that are kept: 256 MB

  const Task& task_;
  std::map<data::Shown, at::Tensor> all_;  // (T', F, H', W'): by bins, as in training
  int64_t numbers_ = 0;
};

// For rows [begin, end) of a batch.
at::Tensor predict_rows(const Task& task, const data::Batch& batch, int64_t begin, int64_t end) {
  std::vector<Named> traces = batch.traces;
  for (auto& trace : traces) trace.tensor = trace.tensor.slice(0, begin, end);
  at::Tensor features;
  if (task.features) {
    const std::vector windows(batch.windows.begin() + begin, batch.windows.begin() + end);
    features = task.features->of(batch.session, windows, batch.responses.size(1));
  }
  const parallel::BatchRows rows(task.processes.share(), batch.size());
  const MixedPrecision mixed(task.settings.trainer.mixed_precision(), task.model.device);
  return features.defined()
             ? task.model.from_features(features, batch.session, traces)
             : task.model.forward(batch.stimulus.slice(0, begin - batch.first_shown, end - batch.first_shown),
                                  batch.session, traces);
}

}  // namespace

at::Tensor predict(const Task& task, const data::Batch& batch) {
  const auto share = task.processes.share();
  const auto [begin, end] = data::Rows::of(share, batch.size());
  const auto own = predict_rows(task, batch, begin, end);
  return share.divides(batch.size()) ? task.processes.all_rows(own, batch.size()) : own;
}

void average_gradients(const parallel::Processes& processes, const std::vector<Named>& parameters) {
  if (!processes.several()) return;
  RECORD_USER_SCOPE("ranks");
  std::vector<at::Tensor> gradients, flat;
  for (const auto& [name, parameter] : parameters) {
    if (!parameter.grad().defined()) continue;
    gradients.push_back(parameter.grad());
    flat.push_back(gradients.back().flatten());
  }
  if (flat.empty()) return;
  const auto all = at::cat(flat);
  processes.sum(all);
  all.div_(processes.size());
  int64_t at = 0;
  for (auto& gradient : gradients) {
    gradient.copy_(all.narrow(0, at, gradient.numel()).view_as(gradient));
    at += gradient.numel();
  }
}

std::vector<double> values_of(const std::vector<at::Tensor>& scalars) {
  std::vector<at::Tensor> rows;
  for (const auto& scalar : scalars) rows.push_back(scalar.detach().to(at::kDouble).reshape({}));
  const auto values = at::stack(rows).cpu();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

std::string checkpoint_folder(const Task& task) {
  return task.settings.checkpoint.dirpath.value_or(task.folder + "/checkpoints") + "/";
}

std::string last_checkpoint(const Task& task) { return checkpoint_folder(task) + "last.safetensors"; }

std::string not_finite(const Task& task, const data::Part& part, const data::Batch& batch, double loss) {
  const auto stimulus = data::gather(task.recordings, part, batch.windows).to(task.model.device).stimulus;
  const auto* site = task.model.not_finite(stimulus, batch.responses, batch.session, batch.traces);
  const std::string value = std::isnan(loss) ? "nan" : std::to_string(loss);
  return "the loss is " + value +
         (site ? "; the first values that are not finite are those of " + site->place + ", " + site->label : "");
}

std::string or_clip(const Task& task) {
  const bool clips = task.settings.trainer.gradient_clip_val.value_or(0) > 0;
  return clips ? "" : ", or set trainer.gradient_clip_val=1";
}

Json validate(const Task& task, const Json& limit) {
  RECORD_USER_SCOPE("validation");
  const auto& model = task.model;
  const at::NoGradGuard no_grad;
  model.train(false);
  EpochMeans means;
  Json per_session = Json::object();
  double correlation = 0, neurons = 0;
  std::optional<SharedFeatures> shared;
  if (SharedFeatures::suit(task)) shared.emplace(task);
  for (const auto& part : task.split.validation) {
    std::vector<at::Tensor> predictions, targets;
    for (const auto& windows : limited(task, part, limit)) {
      const auto shown =
          task.features || shared ? data::no_rows : data::Rows::of(task.processes.share(), std::ssize(windows));
      const auto batch = data::gather(task.recordings, part, windows, shown).to(model.device);
      const auto prediction = [&] {
        if (!shared) return predict(task, batch);
        const MixedPrecision mixed(task.settings.trainer.mixed_precision(), model.device);
        return model.from_features(shared->of(part, windows), batch.session, batch.traces);
      }();
      const auto weight = static_cast<double>(batch.size());
      double loss = model.loss_of(prediction, batch.responses, batch.session).item<double>();
      if (!std::isfinite(loss)) {
        throw Error("validation of session " + task.recordings.sessions[part.session].name,
                    not_finite(task, part, batch, loss),
                    "lower optimizer.lr" + or_clip(task) + "; the last good checkpoint is " + last_checkpoint(task));
      }
      if (task.settings.compat == "openretina") {  // its divisor is the sum of the sizes
        loss /= static_cast<double>(prediction.size(0) + prediction.size(1) + prediction.size(2));
      }
      const double core = model.core_penalty().item<double>();
      const double readout = model.readout_penalty(part.session).item<double>();
      means.add("val_loss", loss, weight);
      means.add("val_loss/" + task.recordings.sessions[part.session].name, loss, weight);
      means.add("val_total_loss", loss + core + readout + model.loss_penalty(part.session).item<double>(), weight);
      means.add("val_regularization_loss_core", core, weight);
      means.add("val_regularization_loss_readout", readout, weight);
      means.add("val_evaluation_loss",
                model.evaluation_loss_of(prediction, batch.responses, batch.session).item<double>(), weight);
      predictions.push_back(prediction.flatten(0, 1));
      targets.push_back(batch.responses.slice(1, batch.responses.size(1) - prediction.size(1)).flatten(0, 1));
    }
    const auto scores = evaluation::correlation(at::cat(predictions), at::cat(targets));
    per_session["val_correlation/" + task.recordings.sessions[part.session].name] = scores.mean().item<double>();
    correlation += scores.sum().item<double>();
    neurons += static_cast<double>(scores.numel());
  }
  Json row = means.means();
  row["val_correlation"] = correlation / neurons;
  row.update(per_session);
  return row;
}

}  // namespace plexiform::training
