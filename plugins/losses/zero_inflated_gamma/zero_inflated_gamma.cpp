// zero_inflated_gamma: negative log-likelihood of activity deconvolved from calcium traces: often nothing, else positive.
//   p(y) = (1 - q) / loc                                                      y < loc: uniform, "nothing"
//   p(y) = q (y - loc)^(k-1) exp(-(y - loc) / theta) / (G(k) theta^k)         else: a gamma distribution beyond loc
//   theta = prediction / (q k), so that the mean of y is the prediction, up to loc
//   loss = -ln p(target)     the mean over batch, bins and neurons. G: the gamma function
// q = sigmoid(logit_q) and k = exp(log_k) are trained for each neuron; the stimulus acts through theta.
// Source: Wei et al. 2020, Neurons Behav Data Anal Theory 3, bioRxiv 637652, section 3 (there the zeros are a point mass: loc,
// the width of what counts as zero, makes it a density).
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/where.h>
#include <plexiform/abilities.h>
#include <plexiform/align.h>
#include <plexiform/layers/per_neuron.h>
#include <plexiform/layers/reduction.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct ZeroInflatedGamma final : plexiform::LossModule, plexiform::SessionLoss {
  struct Params {
    double loc = 5e-3, bias = 1e-6;
    plexiform::layers::ReductionKnobs reduce = {};
    void describe(auto& knob) {
      knob("loc", loc, {.doc = "activity below it counts as none", .min = 1e-9});
      knob("bias", bias,
           {.doc = "eps: the least prediction, and the least distance of activity from loc", .min = 1e-9});
      reduce.describe(knob);
    }
  };

  ZeroInflatedGamma(const plexiform::LossContext& context, const Params& params) : p(params) {
    using plexiform::layers::PerNeuron;
    logit_q = register_module("logit_q", std::make_shared<PerNeuron>(context, 0));
    log_k = register_module("log_k", std::make_shared<PerNeuron>(context, 0));
  }

  at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target) override {
    return forward(prediction, target, {});
  }
  at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target, const plexiform::Given& given) override {
    const auto beyond = plexiform::aligned(prediction, target) - p.loc;
    const auto logit = logit_q->of(given.session()), shape = log_k->of(given.session());
    const auto k = shape.exp(), log_q = at::log_sigmoid(logit);
    const auto log_theta = (prediction + p.bias).log() - log_q - shape;
    const auto y = beyond.clamp_min(p.bias);
    const auto active = log_q + (k - 1) * y.log() - y / log_theta.exp() - k * log_theta - k.lgamma();
    const auto silent = at::log_sigmoid(-logit) - std::log(p.loc);
    const auto loss = -at::where(beyond < 0, silent, active);
    return p.reduce(loss);
  }
  plexiform::Reduction reduction() const override { return p.reduce.kind(); }
  void* ability(std::string_view name) override { return plexiform::offer<SessionLoss>(*this, name); }

  const Params p;
  std::shared_ptr<plexiform::layers::PerNeuron> logit_q, log_k;
};
PLEXIFORM_LOSS(ZeroInflatedGamma, "plexiform.losses.ZeroInflatedGamma",
               "deconvolved calcium activity: often nothing, else positive")
