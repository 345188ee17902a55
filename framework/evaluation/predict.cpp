#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <evaluation/metrics.h>
#include <evaluation/predict.h>

namespace plexiform::evaluation {

Trace predict(const model::Model& model, const data::Recordings& recordings, const data::Part& part,
              int64_t batch_size) {
  const at::NoGradGuard no_grad;
  model.train(false);
  const auto& session = recordings.sessions[part.session];
  const auto& trials = part.test ? session.tests : session.train;
  std::vector<at::Tensor> predictions, targets, repeats;
  for (const auto& windows : data::in_order(part, batch_size)) {
    const auto batch = data::gather(recordings, part, windows, data::no_rows);
    const model::Clips stimulus(
        {std::ssize(windows), recordings.channels, part.length, recordings.height, recordings.width},
        [&](const auto& rows, const auto& bins) {
          const auto some = std::span(windows).subspan(rows.begin, rows.end - rows.begin);
          return data::gather_stimulus(recordings, part, some, bins.begin, bins.end).to(model.device);
        });
    const auto traces = batch.to(model.device).traces;
    const auto prediction = model.forward(stimulus, part.session, traces).cpu();  // (B, T', N)
    predictions.push_back(prediction.flatten(0, 1));
    targets.push_back(batch.responses.slice(1, batch.responses.size(1) - prediction.size(1)).flatten(0, 1));
    for (const auto& window : windows) {
      const auto& recorded = trials[window.trial].repeats;  // (R, N, T)
      if (!part.test || !recorded.defined()) continue;
      repeats.push_back(recorded.slice(2, window.begin + part.length - prediction.size(1), window.begin + part.length)
                            .transpose(1, 2));
    }
  }
  Trace trace{at::cat(predictions), at::cat(targets), {}};
  if (!repeats.empty()) trace.repeats = at::cat(repeats, 1);
  return trace;
}

std::vector<NeuronScores> score_parts(const model::Model& model, const data::Recordings& recordings,
                                      const std::vector<data::Part>& parts, const data::LoaderParams& loader) {
  return score_parts(std::vector{&model}, recordings, parts, loader);
}

std::vector<NeuronScores> score_parts(const std::vector<const model::Model*>& members,
                                      const data::Recordings& recordings, const std::vector<data::Part>& parts,
                                      const data::LoaderParams& loader) {
  std::vector<NeuronScores> all;
  for (const auto& part : parts) {
    const auto& session = recordings.sessions[part.session];
    std::vector<at::Tensor> predictions;
    Trace trace;
    for (const auto* member : members) {
      trace = predict(*member, recordings, part, data::windows_per_batch(loader, part.length));
      predictions.push_back(trace.prediction);
    }
    if (members.size() > 1) trace.prediction = at::stack(predictions).mean(0);
    NeuronScores scores{session.name, part.name, {}, score(trace.prediction, trace.target, trace.repeats)};
    if (members.size() > 1) scores.scores.push_back({"spread", spread(at::stack(predictions))});
    if (const auto ids = session.info.find("cell_id");
        ids != session.info.end() && ids->second.numel() == session.neurons) {
      for (int64_t n = 0; n < session.neurons; ++n)
        scores.neurons.push_back(std::to_string(ids->second.flatten()[n].item<int64_t>()));
    }
    all.push_back(std::move(scores));
  }
  return all;
}

}  // namespace plexiform::evaluation
