#include <model/stream.h>

namespace plexiform::model {

Stream::Stream(const Model& model, size_t session)
    : model_(model),
      session_(session),
      core_(ability<Streaming>(*model.core)),
      features_(model.heads[session].history + 1, 0) {
  if (!core_) {
    throw Error(model.site("core").label, "takes no movie frame by frame",
                "predict whole clips, or train a causal core that offers plexiform.streaming/1");
  }
  plugins::call(model.site("core"), "start", [&] { core_->start(1); });
}

at::Tensor Stream::step(const at::Tensor& frame) {
  const Given given(model_.heads[session_].session);
  const at::Tensor maps = plugins::call(model_.site("core"), "step", [&] { return core_->step(frame, given); });
  const at::Tensor clip = maps.defined() ? features_.push(maps) : maps;
  return clip.defined() ? model_.predict(clip, session_, given).select(1, 0) : clip;
}

}  // namespace plexiform::model
