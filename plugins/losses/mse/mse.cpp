// mse: squared error, for activity whose noise is Gaussian.
//   loss = (prediction - target)^2       the mean over batch, bins and neurons
#include <plexiform/align.h>
#include <plexiform/layers/reduction.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct Mse final : plexiform::LossModule {
  struct Params {
    plexiform::layers::ReductionKnobs reduce = {};
    void describe(auto& knob) { reduce.describe(knob); }
  };
  static Params openretina() { return {.reduce = {.avg = false}}; }

  Mse(const plexiform::LossContext&, const Params& params) : p(params) {}

  at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target) override {
    const auto loss = (prediction - plexiform::aligned(prediction, target)).square();
    return p.reduce(loss);
  }
  plexiform::Reduction reduction() const override { return p.reduce.kind(); }

  const Params p;
};
PLEXIFORM_LOSS(Mse, "plexiform.losses.MSE", "squared error",
               plexiform::Alias<&Mse::openretina>{"openretina.modules.losses.mse.MSE3d"},
               plexiform::Alias<&Mse::openretina>{"openretina.modules.losses.MSE3d"},
               plexiform::Alias<&Mse::openretina>{"openretina.modules.measures.MSE3d"},
               plexiform::Alias<>{"openretina.models.sparse_autoencoder.SparsityMSELoss"})
