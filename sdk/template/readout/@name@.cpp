// @name@: each neuron weighs features ("what") and pixels ("where"); its pixel weights are a row profile times a column profile.
//   rate[b,t,n] = softplus( sum_{f,y,x} what[n,f] row[n,y] column[n,x] features[b,f,t,y,x] + bias[n] )
// Source: what times where, Klindt et al., NIPS 2017, arXiv:1711.02653; here with a mask of rank one.
#include <plexiform/layers/nonlinearity.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

struct @Name@ final : plexiform::ReadoutModule {
  struct Params {
    double sparsity = 1e-3, smoothness = 1e-2;
    void describe(auto& knob) {  // one line per knob: parsing, checks, documentation, run record
      knob("sparsity", sparsity, {.doc = "weight of the penalty for |what|", .min = 0});
      knob("smoothness", smoothness, {.doc = "weight of the penalty for steps from pixel to pixel", .min = 0});
    }
  };

  @Name@(const plexiform::ReadoutContext& context, const Params& params) : p(params) {
    const auto& [F, T, H, W] = context.features;
    const auto N = context.neurons;
    const auto rate = context.mean_activity.defined() ? context.mean_activity : torch::ones({N});
    what = register_parameter("what", torch::randn({N, F}) / std::sqrt(F));
    row = register_parameter("row", torch::ones({N, H}) / std::sqrt(H) + 0.1 * torch::randn({N, H}));
    column = register_parameter("column", torch::ones({N, W}) / std::sqrt(W) + 0.1 * torch::randn({N, W}));
    bias = register_parameter("bias", plexiform::layers::invert_nonlinearity("softplus", rate));
  }
  at::Tensor forward(const at::Tensor& features, const plexiform::Given&) override {
    const auto mask = (row.unsqueeze(2) * column.unsqueeze(1)).flatten(1);  // (N, H' W')
    const auto seen = torch::matmul(features.flatten(3), mask.t());        // (B, F, T', N)
    return plexiform::layers::apply_nonlinearity("softplus", (seen * what.t().unsqueeze(1)).sum(1) + bias);
  }
  at::Tensor penalty() override {
    return p.sparsity * what.abs().mean() + p.smoothness * (row.diff().square().mean() + column.diff().square().mean());
  }

  const Params p;
  torch::Tensor what, row, column, bias;  // (N, F), (N, H'), (N, W'), (N)
};
PLEXIFORM_READOUT(@Name@, "mylab.readouts.@Name@", "what times where, with a mask of rank one")
