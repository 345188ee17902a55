// gaussian_mask: each neuron sees the feature maps through one isotropic Gaussian window.
//   rate[b,t,n] = f( scale[n] sum_c w[c,n] sum_ij x[b,c,t,i,j] mask[n,i,j] + bias[n] )
//   mask[n,i,j] ~ exp(-|g(i,j) - gm mean[n]|^2 / (2 v[n])),   sum_ij mask = 1,   v[n] = exp(gv log_var[n])
// g: pixel (row, column), the longer side from -1 to 1. gm, gv: gaussian_mean_scale, gaussian_var_scale. The window is a
// row profile times a column profile, each a softmax: no distance is clamped, so a narrow one keeps its gradient; with
// `max_distance` they are, as in openretina.
// Source: Höfling et al. 2024, eLife 13:e86860; state names and knobs are those of openretina 1.1.1. With compat
// "openretina": distances clamped at 20, `positive` applied inside forward, and the mean activity added as it is, even
// without `bias`.
#include <ATen/core/grad_mode.h>
#include <plexiform/layers/gaussian_windows.h>
#include <plexiform/layers/product.h>
#include <plexiform/layers/readout.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

struct GaussianMask final : plexiform::layers::DriveReadout,
                            plexiform::Pictures,
                            plexiform::Streaming,
                            plexiform::LinearDrive {
  struct Params {
    bool scale = false, bias = true, positive = false, readout_reg_avg = true;
    double gaussian_mean_scale = 6, gaussian_var_scale = 4, mask_l1_reg = 1e-3, feature_weights_l1_reg = 1e-3;
    std::optional<double> max_distance = {};
    plexiform::layers::ReadoutKnobs common = {};
    bool required = false;  // not a knob: these have no defaults in openretina's multi-session readout

    void describe(auto& knob) {
      knob("scale", scale, {.doc = "a gain for each neuron", .required = required});
      knob("bias", bias, {.doc = "an offset for each neuron", .required = required});
      knob("positive", positive, {.doc = "no negative feature weight", .required = required});
      knob("gaussian_mean_scale", gaussian_mean_scale,
           {.doc = "gm: the larger, the faster windows move while training", .min = 0, .required = required});
      knob("gaussian_var_scale", gaussian_var_scale,
           {.doc = "gv: the larger, the faster windows widen and narrow", .min = 0, .required = required});
      knob("max_distance", max_distance,
           {.doc = "squared distances beyond it count as it, so that no pixel is quite outside; null: none do",
            .unit = "s.d.^2",
            .min = 1});
      knob("mask_l1_reg", mask_l1_reg,
           {.doc = "weight of the penalty for windows that are wide or off centre", .min = 0});
      knob("feature_weights_l1_reg", feature_weights_l1_reg,
           {.doc = "weight of the penalty for |feature weight|", .min = 0});
      knob("readout_reg_avg", readout_reg_avg, {.doc = "penalties are means over neurons and weights; false: sums"});
      common.describe(knob);
    }
  };
  static Params single_session() {
    return {.readout_reg_avg = false,
            .gaussian_mean_scale = 1,
            .gaussian_var_scale = 1,
            .mask_l1_reg = 1,
            .feature_weights_l1_reg = 1};
  }
  static Params legacy() {  // as its published weights were trained
    return {.readout_reg_avg = false,
            .gaussian_mean_scale = 1,
            .gaussian_var_scale = 1,
            .mask_l1_reg = 0,
            .feature_weights_l1_reg = 0.1,
            .max_distance = 20};
  }
  static Params multi_session() {
    return {.readout_reg_avg = false, .mask_l1_reg = 1, .feature_weights_l1_reg = 1, .required = true};
  }

  GaussianMask(const plexiform::ReadoutContext& context, const Params& params)
      : DriveReadout(context, params.common), p(params) {
    const int64_t N = context.neurons, C = shape.channels;
    mean = register_parameter("mask_mean", torch::zeros({N, 2}));  // row, column
    log_var = register_parameter("mask_log_var", torch::zeros({N}));
    features = register_parameter("features", torch::empty({1, C, 1, N}).normal_(1.0 / C, 0.01));
    if (p.scale) scale = register_parameter("scale_param", torch::empty({N}).normal_(1, 0.01));
    const auto offset = initial_bias(context);
    if (p.bias) {
      bias = register_parameter("bias", offset);
    } else if (quirks) {
      bias = register_buffer("bias", offset);
    }
    if (!quirks) project();
  }

  at::Tensor drive(const at::Tensor& x) override {
    const int64_t B = x.size(0), C = x.size(1), T = x.size(2), P = x.size(3) * x.size(4), N = neurons;
    // Maps of a neuron each, weighted and summed; or one sum over channels and pixels at once, for which the stimulus' maps
    // are laid out by bins and each neuron's weights by pixels: whichever is fewer numbers beside the products.
    const int64_t copied = plexiform::layers::by_bins(x) ? 0 : B * T * C * P;
    const auto sum = N * B * T * C < N * C * P + copied
                         ? plexiform::layers::masked_sum(x, mask().flatten(1).t(), gains())
                         : plexiform::layers::product(x.transpose(1, 2).flatten(2), weights().flatten(1));
    return bias.defined() ? sum + bias : sum;
  }

  at::Tensor weights() override { return gains().t().contiguous().unsqueeze(2).unsqueeze(3) * mask().unsqueeze(1); }
  at::Tensor offsets() override { return bias.defined() ? bias : torch::zeros({neurons}, mean.options()); }
  at::Tensor rates(const at::Tensor& drive, const plexiform::Given& given) override { return rate(drive, given); }

  void start(int64_t) override {
    const torch::NoGradGuard no_grad;
    by_pixel_ = mask().flatten(1).t().contiguous();
    gains_ = gains().clone();
    offsets_ = bias.defined() ? bias.detach().clone() : torch::zeros_like(gains_[0]);
  }
  at::Tensor step(const at::Tensor& frame, const plexiform::Given& given) override {
    if (!frame.is_cpu() || frame.scalar_type() != at::kFloat || gains_.scalar_type() != at::kFloat)
      return forward(frame.unsqueeze(2), given).squeeze(1);
    const int64_t B = frame.size(0), C = frame.size(1), N = neurons;
    const auto seen = at::mm(frame.reshape({B * C, by_pixel_.size(0)}), by_pixel_), drive = at::empty({B, N});
    // sum_c gain[c,n] seen[c,n] + offset[n], in a loop: operators would cost several times what so few numbers do.
    const float *in = seen.const_data_ptr<float>(), *const offset = offsets_.const_data_ptr<float>();
    float* out = drive.mutable_data_ptr<float>();
    for (int64_t b = 0; b < B; ++b, out += N) {
      const float* gain = gains_.const_data_ptr<float>();
      std::copy_n(offset, N, out);
      for (int64_t c = 0; c < C; ++c, gain += N, in += N) {
        for (int64_t n = 0; n < N; ++n) out[n] += gain[n] * in[n];
      }
    }
    return rate(drive, given);
  }

  at::Tensor penalty() override {
    auto reduce = [&](const at::Tensor& x) { return p.readout_reg_avg ? x.mean() : x.sum(); };
    const auto windows =
        reduce((log_var * p.gaussian_var_scale).exp()) + reduce((mean * p.gaussian_mean_scale).square());
    return p.mask_l1_reg * windows + p.feature_weights_l1_reg * reduce(features.abs());
  }

  void project() override {
    if (!quirks) clamp_features();
  }

  void* ability(std::string_view name) override {
    // What the eyes and the animal do would have to be looked up for each bin.
    if (inputs().empty()) return plexiform::offer<Pictures, Inputs, Streaming, LinearDrive>(*this, name);
    return shifter ? plexiform::offer<Pictures, Inputs>(*this, name)
                   : plexiform::offer<Pictures, Inputs, LinearDrive>(*this, name);
  }
  std::vector<plexiform::Named> pictures() override { return {{"mask", mask().detach()}}; }

 private:
  at::Tensor mask() const {  // (N, H, W)
    const auto farthest = p.max_distance ? p.max_distance : quirks ? std::optional(20.0) : std::nullopt;
    return plexiform::layers::gaussian_windows(p.gaussian_mean_scale * mean, p.gaussian_var_scale * log_var,
                                               shape.height, shape.width, farthest);
  }

  at::Tensor gains() {  // (C, N)
    if (quirks) clamp_features();
    const auto all = features.view({shape.channels, neurons});
    return scale.defined() ? all * scale : all;
  }

  void clamp_features() {
    if (p.positive) features.variable_data().clamp_min_(0);  // behind autograd's back
  }

  const Params p;
  torch::Tensor mean, log_var, features, scale, bias;
  torch::Tensor by_pixel_, gains_, offsets_;  // of a stream: masks (P, N), feature weights (C, N), (N)
};
PLEXIFORM_READOUT(GaussianMask, "plexiform.readouts.GaussianMask",
                  "one Gaussian window and one feature vector per neuron",
                  plexiform::Alias<&GaussianMask::multi_session>{
                      "openretina.modules.readout.multi_readout.MultiGaussianMaskReadout"},
                  plexiform::Alias<&GaussianMask::multi_session>{
                      "openretina.modules.readout.multi_readout.MultiGaussianReadoutWrapper"},
                  plexiform::Alias<&GaussianMask::single_session>{
                      "openretina.modules.readout.factorized_gaussian.GaussianMaskReadout"},
                  plexiform::Alias<&GaussianMask::legacy>{"openretina.legacy.models.SpatialXFeature3d"},
                  plexiform::Alias<&GaussianMask::legacy>{"openretina.legacy.models.SpatialXFeature3dReadout"})
