// attention: each neuron looks, bin by bin, at where the features are those that it asks for.
//   rate[b,t,n] = f( sum_p attention[b,t,n,p] sum_c w[c,n] x[b,c,t,p] + bias[n] )                    p = (i, j): pixels
//   attention = softmax_p( sum_c query[c,n] x[b,c,t,p] / sqrt(C) + row[i,n] + column[j,n] )
// query = 0 leaves a fixed window, the product of a row and a column profile. The new readout looks at all of the map.
// Source: scaled dot-product attention, Vaswani et al. 2017, NeurIPS 30, arXiv:1706.03762, eq. 1, with one query per neuron as
// in the attention readout of Pierzchlewicz et al. 2023, NeurIPS 36 (energy guided diffusion).
#include <plexiform/layers/readout.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

struct Attention final : plexiform::layers::DriveReadout {
  struct Params {
    bool bias = true, readout_reg_avg = true;
    double feature_weights_l1_reg = 1e-3;
    plexiform::layers::ReadoutKnobs common = {};

    void describe(auto& knob) {
      knob("bias", bias, {.doc = "an offset for each neuron"});
      knob("feature_weights_l1_reg", feature_weights_l1_reg,
           {.doc = "weight of the penalty for |feature weight|", .min = 0});
      knob("readout_reg_avg", readout_reg_avg, {.doc = "the penalty is a mean; false: a sum"});
      common.describe(knob);
    }
  };

  Attention(const plexiform::ReadoutContext& context, const Params& params)
      : DriveReadout(context, params.common), p(params) {
    const int64_t C = shape.channels;
    query = register_parameter("query", torch::empty({C, neurons}).normal_(0, 0.01));
    row = register_parameter("row", torch::zeros({shape.height, neurons}));
    column = register_parameter("column", torch::zeros({shape.width, neurons}));
    weights = register_parameter("features", torch::empty({C, neurons}).normal_(1.0 / static_cast<double>(C), 0.01));
    if (p.bias) bias = register_parameter("bias", initial_bias(context));
  }

  at::Tensor drive(const at::Tensor& x) override {
    const auto pixels = x.permute({0, 2, 3, 4, 1}).flatten(2, 3);               // (B, T, P, C)
    const auto place = (row.unsqueeze(1) + column.unsqueeze(0)).flatten(0, 1);  // (P, N)
    const auto asked = at::matmul(pixels, query) / std::sqrt(static_cast<double>(shape.channels));
    const auto sum = ((asked + place).softmax(2) * at::matmul(pixels, weights)).sum(2);  // (B, T, N)
    return bias.defined() ? sum + bias : sum;
  }

  at::Tensor penalty() override {
    const auto size = weights.abs();
    return p.feature_weights_l1_reg * (p.readout_reg_avg ? size.mean() : size.sum());
  }

  const Params p;
  torch::Tensor query, row, column, weights, bias;
};
PLEXIFORM_READOUT(Attention, "plexiform.readouts.Attention", "each neuron looks where the features are its own")
