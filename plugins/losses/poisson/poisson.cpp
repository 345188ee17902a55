// poisson: negative log-likelihood of spike counts, up to a constant of the data.
//   loss = prediction - target ln(prediction + eps)       the mean over batch, bins and neurons
// Source: Poisson likelihood without ln(target!), e.g. Paninski 2004, Network 15:243-262.
#include <plexiform/align.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct Poisson final : plexiform::LossModule {
  struct Params {
    double bias = 1e-8;
    bool per_neuron = false, avg = true;
    void describe(auto& knob) {
      knob("bias", bias, {.doc = "eps: keeps the logarithm finite where the prediction is 0", .min = 0});
      knob("per_neuron", per_neuron, {.doc = "one mean over batch and bins per neuron, whatever avg says"});
      knob("avg", avg, {.doc = "mean; false: the sum over batch, bins and neurons"});
    }
  };
  static Params openretina() { return {.bias = 1e-16, .avg = false}; }

  Poisson(const plexiform::LossContext&, const Params& params) : p(params) {}

  at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target) override {
    const auto loss = prediction - plexiform::aligned(prediction, target) * (prediction + p.bias).log();
    if (p.per_neuron) return loss.mean(at::IntArrayRef{0, 1});
    return p.avg ? loss.mean() : loss.sum();
  }
  plexiform::Reduction reduction() const override {
    return p.per_neuron || p.avg ? plexiform::Reduction::mean : plexiform::Reduction::sum;
  }

  const Params p;
};
PLEXIFORM_LOSS(Poisson, "plexiform.losses.Poisson", "negative log-likelihood of spike counts",
               plexiform::Alias<&Poisson::openretina>{"openretina.modules.losses.poisson.PoissonLoss3d"},
               plexiform::Alias<&Poisson::openretina>{"openretina.modules.losses.PoissonLoss3d"})
