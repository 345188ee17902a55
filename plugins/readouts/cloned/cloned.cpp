// cloned: the same neurons in another session: the first session's readout, rescaled.
//   rate[b,t,n] = alpha[n] first[b,t,n] + beta[n]
// Of the parameters only alpha and beta are its own; the first session's are trained by the batches of both. openretina's
// ClonedReadout by another name: there alpha and beta may make a rate negative (`positive: false`).
#include <plexiform/module.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

using plexiform::Error;

struct Cloned final : plexiform::ReadoutModule {
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
    const auto rate = first->forward(x, given);
    if (rate.size(2) != alpha.size(0)) {
      throw Error(
          "",
          "takes over " + std::to_string(rate.size(2)) + " neurons for a session of " + std::to_string(alpha.size(0)),
          "clone only between recordings of the same neurons, in the same order");
    }
    return rate * alpha + beta;
  }

  at::Tensor penalty() override { return first->penalty(); }

  void project() override {
    if (!p.positive) return;
    alpha.clamp_min_(0);
    beta.clamp_min_(0);
  }

  void* ability(std::string_view name) override { return first->ability(name); }

  const Params p;
  const std::shared_ptr<plexiform::Readout> first;  // the host's: its parameters are listed there
  torch::Tensor alpha, beta;
};
PLEXIFORM_READOUT(Cloned, "plexiform.readouts.Cloned", "the first session's readout, rescaled for each neuron",
                  plexiform::Alias<&Cloned::openretina>{"openretina.modules.readout.base.ClonedReadout"})
