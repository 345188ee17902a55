// point_gaussian: each neuron reads the feature maps at one point, in training at one drawn from a Gaussian around it.
//   rate[b,t,n] = f( sum_c w[c,n] x[b,c,t](g[b,n]) + bias[n] )         x(g): bilinear between pixels, 0 off the map
//   g[b,n] = clamp(mu[n] + sigma[n] e, -1, 1),  e ~ N(0, 1) while training, one draw per clip;  e = 0 otherwise
// g, mu: (x, y) = (column, row), from -1 to 1 between the centres of the outer pixels (align_corners) or their outer edges.
// sigma: 2 x 2, its square the covariance (`full`), one per axis (`uncorrelated`), or one (`isotropic`). mu is free, shared by
// neurons of one id, or a network's image of the neurons' coordinates. Penalty: gamma sum |w|, or its mean.
// Source: Lurz et al. 2021, ICLR, openreview Tp7kI90Htd, section 3; the predicted grid ibid. State names and knobs are those
// of openretina 1.1.1. With compat "openretina": a draw per frame, mu put back on the map inside forward, everything
// initialised twice by the multi-session name, and init_grid without effect.
#include <plexiform/layers/mlp.h>
#include <plexiform/layers/points.h>
#include <plexiform/layers/rows.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

#include "knobs.h"

using plexiform::Error;

struct PointGaussian final : plexiform::layers::DriveReadout {
  using Params = point_gaussian::Params;
  static Params multi_session() { return {.reg_avg = false, .gamma = 1, .form = Params::multi}; }
  static Params single_session() {
    return {.reg_avg = false, .gamma = 1, .common = {.nonlinearity = "identity"}, .form = Params::single};
  }

  PointGaussian(const plexiform::ReadoutContext& context, const Params& params)
      : DriveReadout(context, params.common), p(params) {
    make_points(context);
    const auto axes = p.gauss_type == "full" ? std::vector<int64_t>{2, 2}
                                             : std::vector<int64_t>{1, p.gauss_type == "uncorrelated" ? 2 : 1};
    sigma = register_parameter("sigma", torch::full({1, neurons, axes[0], axes[1]}, p.init_sigma_range));
    int64_t vectors = neurons;
    if (p.shared_features) {
      feature_index = register_buffer("feature_sharing_index", ids(context, *p.shared_features, "shared_features"));
      vectors = feature_index.max().item<int64_t>() + 1;
    }
    features = register_parameter(
        "_features", torch::full({1, shape.channels, 1, vectors}, 1.0 / static_cast<double>(shape.channels)));
    if (p.shared_features) scales = register_parameter("scales", torch::ones({1, 1, 1, neurons}));
    if (p.bias) bias = register_parameter("bias", initial_bias(context));
    draw_start();
    if (quirks && p.form == Params::multi) draw_start();
    if (p.init_grid && !quirks) start_at(context);
  }

  at::Tensor forward(const at::Tensor& x, const plexiform::Given& given) override {
    if (!shifter) return DriveReadout::forward(x, given);
    // The points move, not the maps: a point is read once.
    return rate(seen(x, shifter->shift(given, x.size(2)).flatten(0, 1).view({-1, 1, 2})), given);
  }

  at::Tensor drive(const at::Tensor& x) override { return seen(x, {}); }

  at::Tensor penalty() override {
    const auto size = weights().abs();
    return p.gamma * (p.reg_avg ? size.mean() : size.sum());
  }

  void project() override {
    if (mu.defined()) clamp_points();
  }

 private:
  // shift: of each frame (B T, 1, 2), or undefined.
  at::Tensor seen(const at::Tensor& x, const at::Tensor& shift) {
    if (quirks && mu.defined()) clamp_points();
    const int64_t batch = x.size(0), bins = x.size(2), draws = quirks ? batch * bins : batch;
    auto at = points(draws);  // (draws or 1, N, 2)
    if (shift.defined()) {    // each bin has its own
      if (at.size(0) == batch && !quirks) at = at.repeat_interleave(bins, 0);
      at = at + shift.expand({batch * bins, -1, -1});
    }
    const auto sum = plexiform::layers::at_points(x, at, weights().flatten(1, 2).squeeze(0), p.align_corners);
    return bias.defined() ? sum + bias : sum;
  }

  // Where the neurons look: _mu, or the network and what it reads.
  void make_points(const plexiform::ReadoutContext& context) {
    // Named in vain when nothing predicts the points; a name that the data lack is a mistake all the same.
    if (p.source_grid != Params().source_grid) plexiform::layers::per_neuron(context, p.source_grid, "source_grid");
    if (!p.grid_mean_predictor) {
      int64_t points = neurons;
      if (p.shared_grid) {
        grid_index = register_buffer("grid_sharing_index", ids(context, *p.shared_grid, "shared_grid"));
        points = grid_index.max().item<int64_t>() + 1;
      }
      mu = register_parameter("_mu", torch::zeros({1, points, 1, 2}));
      return;
    }
    if (p.shared_grid) throw Error("shared_grid", "is set beside grid_mean_predictor", "set one of them");
    const auto raw = plexiform::layers::per_neuron(context, p.source_grid, "source_grid");
    if (raw.dim() != 2)
      throw Error("source_grid", "'" + p.source_grid + "' is no table", "store (neurons, coordinates)");
    const auto centred = raw - raw.mean(0, /*keepdim=*/true);
    source = register_buffer("source_grid", centred / centred.abs().max().clamp_min(1e-12));
    std::vector<int64_t> sizes = {source.size(1)};
    sizes.resize(1 + p.grid_mean_predictor->hidden_layers, p.grid_mean_predictor->hidden_features);
    sizes.push_back(2);
    predictor = register_module("mu_transform",
                                std::make_shared<plexiform::layers::Mlp>(sizes, plexiform::layers::Activation::elu,
                                                                         p.grid_mean_predictor->final_tanh));
  }

  // Each neuron's place among the sorted ids, (N) int64.
  at::Tensor ids(const plexiform::ReadoutContext& context, const point_gaussian::Shared& shared,
                 const char* knob) const {
    at::Tensor given;
    if (shared.match_ids.is_string()) {
      given = plexiform::layers::per_neuron(context, shared.match_ids.get<std::string>(), knob).to(torch::kLong);
    } else if (shared.match_ids.is_array() && !shared.match_ids.empty() && shared.match_ids[0].is_number_integer()) {
      given = torch::tensor(shared.match_ids.get<std::vector<int64_t>>());
    }
    if (!given.defined() || given.dim() != 1 || given.size(0) != neurons) {
      throw Error(knob, "match_ids is " + shared.match_ids.dump(),
                  "give one whole number for each of the " + std::to_string(neurons) + " neurons of '" +
                      context.session + "', or their name in the data");
    }
    return std::get<1>(at::_unique(given, /*sorted=*/true, /*return_inverse=*/true));
  }

  void draw_start() {
    const torch::NoGradGuard no_grad;
    if (mu.defined()) mu.uniform_(-p.init_mu_range, p.init_mu_range);
    if (p.gauss_type == "full") sigma.uniform_(-p.init_sigma_range, p.init_sigma_range);
  }

  void start_at(const plexiform::ReadoutContext& context) {
    const auto start = plexiform::layers::per_neuron(context, *p.init_grid, "init_grid");
    if (!mu.defined() || grid_index.defined() || start.numel() != 2 * neurons) {
      throw Error("init_grid", "'" + *p.init_grid + "' is not one (x, y) for each point that is trained",
                  "store (neurons, 2), and share or predict no points");
    }
    const torch::NoGradGuard no_grad;
    mu.copy_(start.view(mu.sizes()).clamp(-1, 1));
  }

  at::Tensor points(int64_t draws) const {  // (draws or 1, N, 2)
    const auto centre = predictor              ? predictor->forward(source).view({1, neurons, 1, 2})
                        : grid_index.defined() ? mu.index_select(1, grid_index)
                                               : mu;
    if (!is_training()) return centre.squeeze(2).clamp(-1, 1);
    const auto draw = [&](int64_t n) { return at::randn({n, neurons, 1, 2}, centre.options().requires_grad(false)); };
    const auto noise = p.batch_sample ? plexiform::layers::draw_rows(draws, draw) : draw(1);
    const auto offset =
        p.gauss_type == "full" ? at::matmul(sigma, noise.transpose(2, 3)).transpose(2, 3) : sigma * noise;
    return (offset + centre).squeeze(2).clamp(-1, 1);
  }

  at::Tensor weights() const {  // (1, C, 1, N)
    return feature_index.defined() ? scales * features.index_select(3, feature_index) : features;
  }

  void clamp_points() { mu.variable_data().clamp_(-1, 1); }  // behind autograd's back

  const Params p;
  torch::Tensor mu, sigma, features, scales, bias, source, feature_index, grid_index;
  std::shared_ptr<plexiform::layers::Mlp> predictor;
};
PLEXIFORM_READOUT(
    PointGaussian, "plexiform.readouts.PointGaussian",
    "one point of the feature maps per neuron, sampled while training",
    plexiform::Alias<&PointGaussian::multi_session>{
        "openretina.modules.readout.multi_readout.MultiSampledGaussianReadout"},
    plexiform::Alias<&PointGaussian::single_session>{"openretina.modules.readout.gaussian.PointGaussianReadout"},
    plexiform::Alias<&PointGaussian::single_session>{"openretina.modules.readout.gaussian.FullGaussian2d"})
