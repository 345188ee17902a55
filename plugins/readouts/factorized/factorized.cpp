// factorized: each neuron has a free mask over the map and a vector of feature weights.
//   rate[b,t,n] = f( sum_c w[c,n] sum_p mask[p,n] x[b,c,t,p] + bias[n] )        p: pixels, row by row
// Penalty: mask_l1_reg mean_n sum_p |mask| + weights_l1_reg mean_n sum_c |w| + laplace_mask_reg |L * mask|^2 / |mask|^2,
// L the Laplacian over the map's inner pixels, the last ratio over all neurons at once.
// Source: Klindt et al., NIPS 2017, arXiv:1711.02653, eq. 3; state names and knobs are those of openretina 1.1.1. With compat
// "openretina": constraints applied inside forward, and the mean of the penalties (readout_reg_avg) divides the last alone.
#include <plexiform/layers/readout.h>
#include <plexiform/layers/regularisers.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

using plexiform::Error;

struct Factorized final : plexiform::layers::DriveReadout, plexiform::Pictures {
  struct Params {
    double mask_l1_reg = 1e-3, weights_l1_reg = 1e-3, laplace_mask_reg = 1e-3;
    bool readout_bias = true, readout_reg_avg = false;
    std::optional<std::string> weights_constraint = {}, mask_constraint = {}, init_mask = {}, init_weights = {};
    std::optional<std::vector<std::vector<double>>> init_scales = {};
    plexiform::Json mask_size = {};
    plexiform::layers::ReadoutKnobs common = {};
    bool required = false;  // not a knob: penalties have no defaults there

    void describe(auto& knob) {
      knob("mask_l1_reg", mask_l1_reg, {.doc = "weight of the penalty for |mask|", .min = 0, .required = required});
      knob("weights_l1_reg", weights_l1_reg,
           {.doc = "weight of the penalty for |feature weight|", .min = 0, .required = required});
      knob("laplace_mask_reg", laplace_mask_reg,
           {.doc = "weight of the penalty for rough masks", .min = 0, .required = required});
      knob("readout_bias", readout_bias, {.doc = "an offset for each neuron"});
      knob("readout_reg_avg", readout_reg_avg, {.doc = "the mean of the three penalties; false: their sum"});
      knob("weights_constraint", weights_constraint,
           {.doc = "feature weights not negative, of norm 1, or both", .choices = {"abs", "norm", "absnorm"}});
      knob("mask_constraint", mask_constraint, {.doc = "no negative mask weight", .choices = {"abs"}});
      knob("init_mask", init_mask,
           {.doc = "the session's first masks (N, H, W) by name; their centre is cut out. null: drawn"});
      knob("init_weights", init_weights, {.doc = "the session's first feature weights (N, C) by name; null: drawn"});
      knob("init_scales", init_scales,
           {.doc = "[[mean, deviation] of the masks, of the feature weights] that are drawn; null: each mask a tenth "
                   "around 1 / pixels, each weight 0.01 around 1 / channels"});
      knob("mask_size", mask_size,
           {.doc = "[height, width] of the features, or their side; null: as the core makes them"});
      common.describe(knob);
    }
  };
  static Params openretina() { return {.readout_bias = false, .required = true}; }

  Factorized(const plexiform::ReadoutContext& context, const Params& params)
      : DriveReadout(context, params.common), p(params) {
    const plexiform::Json sides = {shape.height, shape.width};
    const bool square = shape.height == shape.width && p.mask_size == shape.height;
    if (!p.mask_size.is_null() && p.mask_size != sides && !square) {
      throw Error("mask_size", "is " + p.mask_size.dump() + ", but the core makes " + shape.text(),
                  "remove mask_size: the host knows it");
    }
    if (p.laplace_mask_reg > 0 && std::min(shape.height, shape.width) < 3) {
      throw Error("laplace_mask_reg", "a map of " + shape.text() + " has no inner pixels to be rough", "set it to 0");
    }
    const int64_t N = context.neurons, C = shape.channels, pixels = shape.height * shape.width;
    const auto [mask_scale, weight_scale] = scales();
    mask = register_parameter("mask_weights", p.init_mask
                                                  ? first_masks(context)
                                                  : torch::empty({pixels, N}).normal_(mask_scale[0], mask_scale[1]));
    weights = register_parameter(
        "feature_weights",
        p.init_weights ? first_weights(context) : torch::empty({C, N}).normal_(weight_scale[0], weight_scale[1]));
    if (p.readout_bias) bias = register_parameter("bias", initial_bias(context));
    const torch::NoGradGuard no_grad;
    if (!quirks) project();
  }

  at::Tensor drive(const at::Tensor& x) override {
    if (quirks) constrain();
    const auto sum = plexiform::layers::masked_sum(x, mask, weights);  // (B, T, N)
    return bias.defined() ? sum + bias : sum;
  }

  at::Tensor penalty() override {
    auto mean_norm = [](const at::Tensor& x) { return x.abs().sum(0).mean(); };
    const auto sparse = p.mask_l1_reg * mean_norm(mask) + p.weights_l1_reg * mean_norm(weights);
    if (p.laplace_mask_reg == 0) return p.readout_reg_avg && !quirks ? sparse / 3 : sparse;
    const auto rough = p.laplace_mask_reg * plexiform::layers::spatial_roughness(masks());
    if (!p.readout_reg_avg) return sparse + rough;
    return quirks ? sparse + rough / 3 : (sparse + rough) / 3;
  }

  void project() override {
    if (!quirks) constrain();
  }

  std::vector<plexiform::Named> pictures() override { return {{"mask", masks().detach()}}; }
  void* ability(std::string_view name) override { return plexiform::offer<Pictures, Inputs>(*this, name); }

 private:
  at::Tensor masks() const { return mask.t().unflatten(1, {shape.height, shape.width}); }  // (N, H, W)

  using Scale = std::array<double, 2>;  // mean, deviation

  std::pair<Scale, Scale> scales() const {
    const auto pixels = static_cast<double>(shape.height * shape.width);
    if (!p.init_scales) return {{1 / pixels, 0.1 / pixels}, {1.0 / static_cast<double>(shape.channels), 0.01}};
    const auto& given = *p.init_scales;
    const bool whole = given.size() == 2 && given[0].size() == 2 && given[1].size() == 2;
    if (!whole || given[0][1] < 0 || given[1][1] < 0) {
      throw Error("init_scales", "is " + plexiform::Json(given).dump(),
                  "write [[mean, deviation], [mean, deviation]], of the masks and of the feature weights");
    }
    return {{given[0][0], given[0][1]}, {given[1][0], given[1][1]}};
  }

  at::Tensor first_masks(const plexiform::ReadoutContext& context) const {  // (pixels, N)
    auto masks = plexiform::layers::per_neuron(context, *p.init_mask, "init_mask");
    if (masks.dim() == 4 && masks.size(1) == 1) masks = masks.squeeze(1);
    if (masks.dim() != 3 || masks.size(1) < shape.height || masks.size(2) < shape.width) {
      throw Error("init_mask", "'" + *p.init_mask + "' is no mask of at least the features " + shape.text(),
                  "store (neurons, height, width)");
    }
    const int64_t top = (masks.size(1) - shape.height) / 2, left = (masks.size(2) - shape.width) / 2;
    return masks.slice(1, top, top + shape.height).slice(2, left, left + shape.width).flatten(1).t().contiguous();
  }

  at::Tensor first_weights(const plexiform::ReadoutContext& context) const {  // (C, N)
    const auto given = plexiform::layers::per_neuron(context, *p.init_weights, "init_weights");
    if (given.dim() != 2 || given.size(1) != shape.channels) {
      throw Error("init_weights", "'" + *p.init_weights + "' has no weight for each of the features " + shape.text(),
                  "store (neurons, channels)");
    }
    return given.t().contiguous();
  }

  void constrain() {
    auto abs = [](const at::Tensor& x) { x.variable_data().abs_(); };  // behind autograd's back
    if (p.mask_constraint) abs(mask);
    if (!p.weights_constraint) return;
    if (*p.weights_constraint != "norm") abs(weights);
    if (*p.weights_constraint == "abs") return;
    const auto raw = weights.variable_data();
    const auto energy = raw.square().sum(0, /*keepdim=*/true);
    raw.div_(quirks ? (energy + 1e-5).sqrt() : energy.sqrt().clamp_min(1e-12));
  }

  const Params p;
  torch::Tensor mask, weights, bias;  // (pixels, N), (C, N), (N)
};
PLEXIFORM_READOUT(
    Factorized, "plexiform.readouts.Factorized", "a free mask and a feature vector per neuron",
    plexiform::Alias<&Factorized::openretina>{"openretina.modules.readout.multi_readout.MultiFactorizedReadout"},
    plexiform::Alias<&Factorized::openretina>{"openretina.modules.readout.factorized.FactorizedReadout"},
    plexiform::Alias<&Factorized::openretina>{"openretina.modules.readout.factorized.KlindtReadoutWrapper3D"})
