// negative_binomial: negative log-likelihood of spike counts that vary more than Poisson's, up to a constant of the data.
//   var(target) = prediction + dispersion prediction^2,   r = 1 / dispersion
//   loss = ln G(r) - ln G(target + r) - target ln(prediction / (r + prediction)) - r ln(r / (r + prediction))
// The mean over batch, bins and neurons. G: the gamma function. dispersion = exp(log_dispersion), trained for each neuron; towards
// 0 the loss is Poisson's.
// Source: a Poisson count whose rate has a gamma-distributed gain, Goris, Movshon & Simoncelli 2014, Nat Neurosci 17:858-865.
#include <plexiform/abilities.h>
#include <plexiform/align.h>
#include <plexiform/layers/per_neuron.h>
#include <plexiform/layers/reduction.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct NegativeBinomial final : plexiform::LossModule, plexiform::SessionLoss {
  struct Params {
    double dispersion = 0.1, bias = 1e-8;
    plexiform::layers::ReductionKnobs reduce = {};
    void describe(auto& knob) {
      knob("dispersion", dispersion, {.doc = "where training starts", .min = 1e-4});
      knob("bias", bias, {.doc = "eps: keeps the logarithm finite where the prediction is 0", .min = 0});
      reduce.describe(knob);
    }
  };

  NegativeBinomial(const plexiform::LossContext& context, const Params& params) : p(params) {
    log_dispersion = register_module("log_dispersion",
                                     std::make_shared<plexiform::layers::PerNeuron>(context, std::log(p.dispersion)));
  }

  at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target) override {
    return forward(prediction, target, {});
  }
  at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target, const plexiform::Given& given) override {
    const auto y = plexiform::aligned(prediction, target).to(at::kDouble);  // a small difference of large logarithms
    const auto mean = prediction.to(at::kDouble) + p.bias;
    // Below 1e-4 counts are Poisson's to any number of trials: there r would only lose digits.
    const auto r = log_dispersion->of(given.session()).to(at::kDouble).clamp(std::log(1e-4), 10).neg().exp();
    const auto loss = (r.lgamma() - (y + r).lgamma() + y * r.log() + (y + r) * (mean / r).log1p() - y * mean.log())
                          .to(prediction.scalar_type());
    return p.reduce(loss);
  }
  plexiform::Reduction reduction() const override { return p.reduce.kind(); }
  void* ability(std::string_view name) override { return plexiform::offer<SessionLoss>(*this, name); }

  const Params p;
  std::shared_ptr<plexiform::layers::PerNeuron> log_dispersion;
};
PLEXIFORM_LOSS(NegativeBinomial, "plexiform.losses.NegativeBinomial", "spike counts that vary more than Poisson's")
