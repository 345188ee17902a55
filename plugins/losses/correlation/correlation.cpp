// correlation: Pearson's correlation over the bins of a clip, per clip and neuron, negated to be minimised.
//   rho = cov(prediction, target) / sqrt((var(prediction) + eps) (var(target) + eps))     population statistics
// A signal that does not vary counts as 0.
#include <plexiform/align.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct Correlation final : plexiform::LossModule {
  struct Params {
    double bias = 1e-16;
    bool per_neuron = false, avg = true, negate = true;
    void describe(auto& knob) {
      knob("bias", bias, {.doc = "eps: added to each variance", .min = 0});
      knob("per_neuron", per_neuron, {.doc = "one mean over the batch per neuron, whatever avg says"});
      knob("avg", avg, {.doc = "mean; false: the sum over batch and neurons"});
      knob("negate", negate, {.doc = "-rho, a loss; false: rho, a score"});
    }
  };
  static Params openretina() { return {.avg = false}; }

  Correlation(const plexiform::LossContext&, const Params& params) : p(params) {}

  at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target) override {
    auto centred = [](const at::Tensor& x) { return x - x.mean(1, /*keepdim=*/true); };
    const auto a = centred(prediction), b = centred(plexiform::aligned(prediction, target));
    const auto norm = ((a.square().mean(1) + p.bias) * (b.square().mean(1) + p.bias)).sqrt();
    auto rho = (a * b).mean(1) / norm;  // (B, N)
    if (p.negate) rho = -rho;
    if (p.per_neuron) return rho.mean(0);
    return p.avg ? rho.mean() : rho.sum();
  }
  plexiform::Reduction reduction() const override {
    return p.per_neuron || p.avg ? plexiform::Reduction::mean : plexiform::Reduction::sum;
  }

  const Params p;
};
PLEXIFORM_LOSS(Correlation, "plexiform.losses.Correlation", "negative correlation over time, per clip and neuron",
               plexiform::Alias<&Correlation::openretina>{"openretina.modules.losses.correlation.CorrelationLoss3d"},
               plexiform::Alias<&Correlation::openretina>{"openretina.modules.losses.CorrelationLoss3d"})
