#include <ATen/ops/cat.h>
#include <model/inputs.h>
#include <model/stream.h>

namespace plexiform::model {

Stream::Stream(const Model& model, size_t session)
    : model_(model),
      session_(session),
      core_(ability<Streaming>(*model.core)),
      readout_(ability<Streaming>(*model.heads[session].readout)),
      features_(model.heads[session].history + 1, 0) {
  if (!core_) {
    throw Error(model.site("core").label, "takes no movie frame by frame",
                "predict whole clips, or train a causal core that offers plexiform.streaming/1");
  }
  plugins::call(model.site("core"), "start", [&] { core_->start(1); });
  if (readout_) plugins::call(model.readout_site(session), "start", [&] { readout_->start(1); });
}

at::Tensor Stream::step(const at::Tensor& frame, const std::vector<Named>& traces) {
  const auto& head = model_.heads[session_];
  std::vector<Named> bin, clip_of;  // (1, K) each: what the core is given; (1, bins, K): what the readout is
  for (const auto& [name, values] : traces) {
    if (values.dim() != 1) throw Error(name, "is not of one bin", "give it its numbers (K)");
    bin.push_back({name, values.unsqueeze(0)});
    const at::Tensor newest = values.view({1, 1, -1}), before = find(traces_, name);
    const at::Tensor kept = before.defined() ? at::cat({before, newest}, 1) : newest;
    clip_of.push_back({name, kept.slice(1, std::max<int64_t>(0, kept.size(1) - head.history - 1))});
  }
  traces_ = std::move(clip_of);
  check_traces(model_, session_, traces_, 1, traces_.empty() ? 1 : traces_.front().tensor.size(1));
  const Given now = model_.given_core(session_, bin);
  const at::Tensor maps =
      plugins::call(model_.site("core"), "step", [&] { return core_->step(model_.shown(frame, now), now); });
  if (readout_ && maps.defined()) {
    const Given known(head.session, bin);
    return plugins::call(model_.readout_site(session_), "step", [&] { return readout_->step(maps, known); });
  }
  const at::Tensor clip = maps.defined() ? features_.push(maps) : maps;
  return clip.defined() ? model_.predict(clip, session_, Given(head.session, traces_)).select(1, 0) : clip;
}

}  // namespace plexiform::model
