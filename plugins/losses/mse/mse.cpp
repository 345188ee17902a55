// mse: squared error, for activity whose noise is Gaussian.
//   loss = (prediction - target)^2       the mean over batch, bins and neurons
#include <plexiform/align.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct Mse final : plexiform::LossModule {
  struct Params {
    bool per_neuron = false, avg = true;
    void describe(auto& knob) {
      knob("per_neuron", per_neuron, {.doc = "one mean over batch and bins per neuron, whatever avg says"});
      knob("avg", avg, {.doc = "mean; false: the sum over batch, bins and neurons"});
    }
  };
  static Params openretina() { return {.avg = false}; }

  Mse(const plexiform::LossContext&, const Params& params) : p(params) {}

  at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target) override {
    const auto loss = (prediction - plexiform::aligned(prediction, target)).square();
    if (p.per_neuron) return loss.mean(at::IntArrayRef{0, 1});
    return p.avg ? loss.mean() : loss.sum();
  }
  plexiform::Reduction reduction() const override {
    return p.per_neuron || p.avg ? plexiform::Reduction::mean : plexiform::Reduction::sum;
  }

  const Params p;
};
PLEXIFORM_LOSS(Mse, "plexiform.losses.MSE", "squared error",
               plexiform::Alias<&Mse::openretina>{"openretina.modules.losses.mse.MSE3d"},
               plexiform::Alias<&Mse::openretina>{"openretina.modules.losses.MSE3d"},
               plexiform::Alias<&Mse::openretina>{"openretina.modules.measures.MSE3d"})
