// @name@: squared error of square roots, on which spike counts vary equally whatever their mean.
//   loss = mean_{b,t,n} ( 2 sqrt(prediction + offset) - 2 sqrt(target + offset) )^2
// Source: variance-stabilising transform of Poisson counts, Anscombe 1948, Biometrika 35:246-254 (offset 3/8).
#include <plexiform/align.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct @Name@ final : plexiform::LossModule {
  struct Params {
    double offset = 0.375;
    void describe(auto& knob) {  // one line per knob: parsing, checks, documentation, run record
      knob("offset", offset, {.doc = "added to rates and counts under the root", .unit = "spikes per bin", .min = 1e-3});
    }
  };

  @Name@(const plexiform::LossContext&, const Params& params) : p(params) {}

  at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target) override {
    const auto recorded = plexiform::aligned(prediction, target);  // the bins that are predicted
    const auto rate = prediction.clamp_min(0);                     // an identity readout may dip below
    return 4 * ((rate + p.offset).sqrt() - (recorded + p.offset).sqrt()).square().mean();
  }
  plexiform::Reduction reduction() const override { return plexiform::Reduction::mean; }

  const Params p;
};
PLEXIFORM_LOSS(@Name@, "mylab.losses.@Name@", "squared error of square roots of counts")
