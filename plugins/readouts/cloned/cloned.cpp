// cloned: the same neurons in another session: the first session's readout, rescaled.
//   rate[b,t,n] = alpha[n] first[b,t,n] + beta[n]
// Of the parameters only alpha and beta are its own; the first session's are trained by the batches of both. openretina's
// ClonedReadout by another name: there alpha and beta may make a rate negative (`positive: false`).
#include <plexiform/abilities.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

using plexiform::Error;

struct Cloned final : plexiform::ReadoutModule, plexiform::LinearDrive {
  struct Params {
    bool positive = true;
    void describe(auto& knob) { knob("positive", positive, {.doc = "no negative alpha or beta"}); }
  };
  static Params openretina() { return {.positive = false}; }

  Cloned(const plexiform::ReadoutContext& context, const Params& params) : p(params), first(context.first) {
    if (!first) {
      throw Error("", "has no readout to take over",
                  "name it under model.clone: the first session then has the readout of model.readout");
    }
    alpha = register_parameter("alpha", torch::ones({context.neurons}));
    beta = register_parameter("beta", torch::zeros({context.neurons}));
  }

  at::Tensor forward(const at::Tensor& x, const plexiform::Given& given) override {
    return rescaled(first->forward(x, given));
  }

  at::Tensor penalty() override { return first->penalty(); }

  void project() override {
    if (!p.positive) return;
    alpha.clamp_min_(0);
    beta.clamp_min_(0);
  }

  // Of the first's abilities those that hold for the clone as well. Not those that tell its rates, which are others here.
  void* ability(std::string_view name) override {
    for (const auto same :
         {plexiform::LooksBack::name, plexiform::Inputs::name, plexiform::Penalties::name, plexiform::Pictures::name}) {
      if (name == same) return first->ability(name);
    }
    return drive_of_first() ? plexiform::offer<plexiform::LinearDrive>(*this, name) : nullptr;
  }

  at::Tensor weights() override { return drive_of_first()->weights(); }
  at::Tensor offsets() override { return drive_of_first()->offsets(); }
  at::Tensor rates(const at::Tensor& drive, const plexiform::Given& given) override {
    return rescaled(drive_of_first()->rates(drive, given));
  }

 private:
  plexiform::LinearDrive* drive_of_first() const { return plexiform::ability<plexiform::LinearDrive>(*first); }

  at::Tensor rescaled(const at::Tensor& rate) const {
    if (rate.size(2) != alpha.size(0)) {
      throw Error(
          "",
          "takes over " + std::to_string(rate.size(2)) + " neurons for a session of " + std::to_string(alpha.size(0)),
          "clone only between recordings of the same neurons, in the same order");
    }
    return rate * alpha + beta;
  }

  const Params p;
  const std::shared_ptr<plexiform::Readout> first;  // the host's: its parameters are listed there
  torch::Tensor alpha, beta;
};
PLEXIFORM_READOUT(Cloned, "plexiform.readouts.Cloned", "the first session's readout, rescaled for each neuron",
                  plexiform::Alias<&Cloned::openretina>{"openretina.modules.readout.base.ClonedReadout"})
