// spline_mask: each neuron sees the feature maps through a smooth surface of any shape, made of few coefficients.
//   rate[b,t,n] = f( sum_c w[c,n] mean_ij x[b,c,t,i,j] mask[n,i,j] + bias[n] )
//   mask[n,i,j] = sum_kl a[k,l,n] B_k(i) B_l(j),   B: cubic B-splines on an even grid of knots, sum_k B_k = 1
// The maps are contracted with the splines first: what is left per frame are as many numbers as knots, whatever its size.
// Penalties: smooth_reg |D a|^2 / |a|^2, D the second differences along rows and along columns, all neurons at once;
// mask_l1_reg mean |mask|; feature_weights_l1_reg mean |w|.
// Source: tensor-product B-splines and the penalty on differences of their coefficients: Eilers & Marx 1996, Statistical
// Science 11:89-121; receptive fields by them: Huang, Ran, Oesterle, Euler & Berens 2021, arXiv:2108.07537.
#include <ATen/ops/linspace.h>
#include <plexiform/layers/readout.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

using plexiform::Error;

struct SplineMask final : plexiform::layers::DriveReadout, plexiform::Pictures {
  struct Params {
    std::vector<int64_t> knots = {6, 6};
    bool bias = true, positive = false;
    double smooth_reg = 1e-2, mask_l1_reg = 1e-3, feature_weights_l1_reg = 1e-3;
    plexiform::layers::ReadoutKnobs common = {};

    void describe(auto& knob) {
      knob("knots", knots, {.doc = "coefficients along [rows, columns]", .min = 4});
      knob("bias", bias, {.doc = "an offset for each neuron"});
      knob("positive", positive, {.doc = "no negative mask or feature weight"});
      knob("smooth_reg", smooth_reg, {.doc = "weight of the penalty for masks that bend", .min = 0});
      knob("mask_l1_reg", mask_l1_reg, {.doc = "weight of the penalty for |mask|", .min = 0});
      knob("feature_weights_l1_reg", feature_weights_l1_reg,
           {.doc = "weight of the penalty for |feature weight|", .min = 0});
      common.describe(knob);
    }
    void check() const {
      if (knots.size() != 2) {
        throw Error("knots", "has " + std::to_string(knots.size()) + " entries", "use [rows, columns], such as [6, 6]");
      }
    }
  };

  SplineMask(const plexiform::ReadoutContext& context, const Params& params)
      : DriveReadout(context, params.common), p(params) {
    const int64_t C = shape.channels;
    rows = register_transient("rows", basis(shape.height, p.knots[0]));
    columns = register_transient("columns", basis(shape.width, p.knots[1]));
    coefficients = register_parameter("coefficients", torch::empty({p.knots[0], p.knots[1], neurons}).normal_(1, 0.1));
    weights = register_parameter("features", torch::empty({C, neurons}).normal_(1.0 / static_cast<double>(C), 0.01));
    if (p.bias) bias = register_parameter("bias", initial_bias(context));
    const torch::NoGradGuard no_grad;
    project();
  }

  at::Tensor drive(const at::Tensor& x) override {
    const bool by_bins = plexiform::layers::by_bins(x);
    const auto by_knot = at::matmul(at::matmul(rows, by_bins ? x.transpose(1, 2) : x), columns.t());
    const auto seen = by_bins ? by_knot.transpose(1, 2) : by_knot;  // (B, C, T, K, L)
    const auto masks = coefficients.flatten(0, 1) / (shape.height * shape.width);
    const auto sum = plexiform::layers::masked_sum(seen, masks, weights);  // (B, T, N)
    return bias.defined() ? sum + bias : sum;
  }

  at::Tensor penalty() override {
    const auto bend = coefficients.diff(2, 0).square().sum() + coefficients.diff(2, 1).square().sum();
    return p.smooth_reg * bend / (coefficients.square().sum() + 1e-6) + p.mask_l1_reg * masks().abs().mean() +
           p.feature_weights_l1_reg * weights.abs().mean();
  }

  void project() override {
    if (!p.positive) return;
    coefficients.clamp_min_(0);
    weights.clamp_min_(0);
  }

  std::vector<plexiform::Named> pictures() override { return {{"mask", masks().detach()}}; }
  void* ability(std::string_view name) override { return plexiform::offer<Pictures, Inputs>(*this, name); }

 private:
  at::Tensor masks() const {  // (N, H, W)
    return at::matmul(rows.t(), at::matmul(coefficients.permute({2, 0, 1}), columns));
  }

  // (knots, pixels): the splines at the pixels' centres. Knot k lies at (k - 1) / (knots - 3) of the way; one lies off each end,
  // so that the splines add up to 1 everywhere on the map.
  static at::Tensor basis(int64_t pixels, int64_t knots) {
    const auto intervals = static_cast<double>(knots - 3), half = 0.5 * intervals / static_cast<double>(pixels);
    const auto places = at::linspace(half, intervals - half, pixels), centres = at::arange(-1, knots - 1).unsqueeze(1);
    const auto s = (places - centres).abs();  // in intervals
    const auto near = (4 - 6 * s.square() + 3 * s.pow(3)) / 6, far = (2 - s).clamp_min(0).pow(3) / 6;
    return at::where(s < 1, near, far);
  }

  const Params p;
  torch::Tensor rows, columns, coefficients, weights, bias;
};
PLEXIFORM_READOUT(SplineMask, "plexiform.readouts.SplineMask", "a smooth surface of B-splines per neuron")
