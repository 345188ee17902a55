// The step of trainer.shared_core_pass: one pass of the core, and a turn of each session on its features.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/unbind.h>
#include <ATen/record_function.h>
#include <fmt/format.h>
#include <parallel/host/batch_rows.h>
#include <torch/csrc/autograd/anomaly_mode.h>
#include <training/mixed_precision.h>
#include <training/trainer.h>

#include <cmath>
#include <numeric>

namespace plexiform::training {

namespace {

// Of each turn, in their order.
std::vector<at::Tensor> predictions_of(const model::Model& model, const std::vector<data::Turn>& turns,
                                       const at::Tensor& features) {
  std::vector<int64_t> all(static_cast<size_t>(features.size(0)));
  std::iota(all.begin(), all.end(), 0);
  // By bins, (B, T, C, H, W) in memory, as readouts that sum over channels and pixels at once would copy them in each turn.
  const auto by_bins = features.transpose(1, 2).contiguous();
  // Of each window: what a turn did not see gets no gradient of it, where that of index_select() has zeros for it.
  const auto of_windows = by_bins.unbind();
  std::vector<at::Tensor> predictions(turns.size());
  std::vector<model::Model::Asked> asked;  // by turns that saw all
  std::vector<size_t> asking;
  for (size_t k = 0; k < turns.size(); ++k) {
    const auto& [batch, rows] = turns[k];
    if (rows == all) {
      asked.push_back({batch.session, batch.traces}), asking.push_back(k);
      continue;
    }
    std::vector<at::Tensor> seen;
    for (const auto row : rows) seen.push_back(of_windows[static_cast<size_t>(row)]);
    predictions[k] = model.from_features(at::stack(seen).transpose(1, 2), batch.session, batch.traces);
  }
  const auto answers = model.from_features(by_bins.transpose(1, 2), asked);
  for (size_t k = 0; k < asking.size(); ++k) predictions[asking[k]] = answers[k];
  return predictions;
}

}  // namespace

data::SharedBatch Trainer::next_shared_batch() {
  RECORD_USER_SCOPE("gather");
  auto shared = shared_->next();
  shared.stimulus = task_.settings.augmentation(shared.stimulus).to(task_.model.device);
  for (auto& turn : shared.turns) turn.batch = turn.batch.to(task_.model.device);
  return shared;
}

// The gradient is the sum of those that the sessions' own batches would have, penalties included, but for batch statistics of
// the core, which are those of all windows together.
host::Step Trainer::shared_step() {
  const auto& model = task_.model;
  const auto& trainer = task_.settings.trainer;
  const auto shared = next_shared_batch();
  const auto share = task_.processes.share();
  const int64_t windows = shared.stimulus.size(0);
  const auto features = [&] {
    const MixedPrecision mixed(trainer.mixed_precision(), model.device);
    const auto session = shared.turns.front().batch.session;
    if (!share.divides(windows)) return model.features_of(shared.stimulus, session);
    const parallel::BatchRows rows(share, windows);
    const auto own = shared.stimulus.slice(0, share.begin(windows), share.end(windows));
    return task_.processes.all_rows(model.features_of(own, session), windows);
  }();
  const auto core_penalty = model.core_penalty();
  const auto predictions = [&] {
    const MixedPrecision mixed(trainer.mixed_precision(), model.device);
    return predictions_of(model, shared.turns, features);
  }();
  std::vector<at::Tensor> scalars;  // of each turn: total, loss, core and readout penalty, metric
  at::Tensor total;
  for (size_t k = 0; k < shared.turns.size(); ++k) {
    const auto& batch = shared.turns[k].batch;
    const auto& prediction = predictions[k];
    const auto loss = model.loss_of(prediction, batch.responses, batch.session);
    const auto readout_penalty = model.readout_penalty(batch.session);
    const auto of_turn = loss + core_penalty + readout_penalty + model.loss_penalty(batch.session);
    total = total.defined() ? total + of_turn : of_turn;
    const at::NoGradGuard no_grad;
    const auto score = model.evaluation_loss_of(prediction.detach(), batch.responses, batch.session);
    scalars.insert(scalars.end(), {of_turn, loss, core_penalty, readout_penalty, score});
  }
  std::optional<torch::autograd::DetectAnomalyGuard> anomalies;
  if (trainer.detect_anomaly) {
    for (size_t k = 0; k < shared.turns.size(); ++k) {
      if (const double one = scalars[5 * k].item<double>(); !std::isfinite(one))
        refuse_loss(one, shared.turns[k].batch);
    }
    anomalies.emplace();
  }
  if (total.requires_grad()) model.backward(total.div(trainer.accumulate_grad_batches));

  const auto values = values_of(scalars);
  double sum = 0;
  for (size_t k = 0; k < shared.turns.size(); ++k) {
    const double* const of_turn = values.data() + 5 * k;
    add_to_means(shared.turns[k].batch, of_turn);
    sum += of_turn[0];
  }
  const auto& first = task_.recordings.sessions[shared.turns.front().batch.session].name;
  return {{}, shared.turns.size() == 1 ? first : fmt::format("{} sessions", shared.turns.size()), sum};
}

}  // namespace plexiform::training
