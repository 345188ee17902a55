// separable_lnp: each neuron's filter is a sum of a few, each the product of a spatial and a temporal one; then a nonlinearity.
// Behind a core that hands the movie on, the separable linear-nonlinear-Poisson model.
//   rate[b,t,n] = f( sum_r sum_k time[n,r,k] sum_c sum_ij space[n,r,c,i,j] x[b,c,t+k,i,j] + bias[n] )   r < rank; k = 0 oldest
// i, j: the whole frame, or a patch of spat_kernel_size around rf_location.
// Penalty: smooth_weight_spat |L * space|^2 / |space|^2 (L the Laplacian over ij) + smooth_weight_temp |D * time|^2 / |time|^2
// (D the second difference) + sparse_weight (mean |space| + mean |time|).
// Source: separable receptive fields, Pillow et al. 2008, Nature 454:995-999, supplement; state names and knobs are those of
// openretina 1.1.1, whose model of this name is of one neuron. With compat "openretina": filters are normalised inside forward.
#include <plexiform/layers/product.h>
#include <plexiform/layers/readout.h>
#include <plexiform/layers/regularisers.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

using plexiform::Error;

struct SeparableLnp final : plexiform::layers::DriveReadout, plexiform::LooksBack, plexiform::Pictures {
  struct Params {
    int64_t rank = 1;
    std::optional<int64_t> temporal_kernel_size = {}, laplace_padding = {};
    std::optional<std::vector<int64_t>> spat_kernel_size = {}, rf_location = {};
    double smooth_weight_spat = 0, smooth_weight_temp = 0, sparse_weight = 0;
    std::string smooth_regularizer_spat = "LaplaceL2norm";
    bool normalize_weights = false, bias = true;
    plexiform::layers::ReadoutKnobs common = {};

    void describe(auto& knob) {
      knob("rank", rank, {.doc = "separable filters that are added up", .min = 1});
      knob("temporal_kernel_size", temporal_kernel_size,
           {.doc = "bins that a filter spans, the last one included; null: those of a training window",
            .unit = "bins",
            .min = 1});
      knob("spat_kernel_size", spat_kernel_size,
           {.doc = "height and width of the filters; null: the frame's", .unit = "px", .min = 1});
      knob("rf_location", rf_location,
           {.doc = "row and column of their centre; null: the middle", .unit = "px", .min = 0});
      knob("smooth_weight_spat", smooth_weight_spat, {.doc = "weight of the penalty for rough images", .min = 0});
      knob("smooth_weight_temp", smooth_weight_temp, {.doc = "weight of the penalty for rough time courses", .min = 0});
      knob("sparse_weight", sparse_weight, {.doc = "weight of the penalty for mean |weight|", .min = 0});
      knob("smooth_regularizer_spat", smooth_regularizer_spat,
           {.doc = "GaussianLaplaceL2 spares the patch's centre", .choices = {"LaplaceL2norm", "GaussianLaplaceL2"}});
      knob("laplace_padding", laplace_padding,
           {.doc = "zeros around a filter whose roughness is measured; null: 1", .unit = "px", .min = 0});
      knob("normalize_weights", normalize_weights, {.doc = "each neuron's images and time courses have norm 1"});
      knob("bias", bias, {.doc = "an offset for each neuron"});
      common.describe(knob);
    }
  };
  static Params openretina() {
    return {.spat_kernel_size = {{15, 15}},
            .normalize_weights = true,
            .bias = false,
            .common = {.nonlinearity = "parametrized_softplus"}};
  }

  SeparableLnp(const plexiform::ReadoutContext& context, const Params& params)
      : DriveReadout(context, params.common), p(params), bins(p.temporal_kernel_size.value_or(shape.time)) {
    if (bins > shape.time) {
      throw Error("temporal_kernel_size", "is " + std::to_string(bins) + ", but the core makes " + shape.text(),
                  "use a shorter filter, or longer windows (dataloader.train_chunk_size)");
    }
    place_patch();
    check_roughness();
    const int64_t N = context.neurons, C = shape.channels, R = p.rank;
    const auto pixels = static_cast<double>(height * width), taps = static_cast<double>(R * bins);
    // Drawn twice, as a convolution's default and then Xavier's: the generator goes on where openretina's does.
    const double space_bound = 1 / std::sqrt(static_cast<double>(C) * pixels), time_bound = 1 / std::sqrt(taps);
    auto images = torch::empty({N * R, C, 1, height, width}).uniform_(-space_bound, space_bound);
    auto courses = torch::empty({N, R, bins, 1, 1}).uniform_(-time_bound, time_bound);
    images.normal_(0, std::sqrt(2 / (pixels * static_cast<double>(C + R))));
    courses.normal_(0, std::sqrt(2 / (taps + static_cast<double>(bins))));
    auto part = [&](const char* name) { return register_module(name, std::make_shared<torch::nn::Module>(name)); };
    space = part("space_conv")->register_parameter("weight", images);
    time = part("time_conv")->register_parameter("weight", courses);
    if (p.bias) bias = register_parameter("bias", initial_bias(context));
    if (!quirks) project();
  }

  at::Tensor drive(const at::Tensor& x) override {
    TORCH_CHECK_VALUE(x.size(2) >= bins, "features of ", x.size(2), " bins for a filter of ", bins);
    if (quirks) normalize();
    const int64_t N = neurons, R = p.rank, out = x.size(2) - bins + 1;
    const auto patch = x.slice(3, top, top + height).slice(4, left, left + width);
    const auto frames = patch.transpose(1, 2).flatten(2);                                         // (B, T, C h w)
    const auto seen = plexiform::layers::product(frames, space.flatten(1)).unflatten(2, {N, R});  // (B, T, N, R)
    const auto lags = at::matmul(seen.unsqueeze(3), time.view({N, R, bins})).squeeze(3);          // (B, T, N, K)
    auto sum = lags.slice(1, 0, out).select(3, 0);
    for (int64_t k = 1; k < bins; ++k) sum = sum + lags.slice(1, k, k + out).select(3, k);
    return bias.defined() ? sum + bias : sum;
  }

  at::Tensor penalty() override {
    auto total = p.sparse_weight * (space.abs().mean() + time.abs().mean());
    if (p.smooth_weight_spat > 0) total = total + p.smooth_weight_spat * image_roughness();
    if (p.smooth_weight_temp > 0) {
      total = total + p.smooth_weight_temp * plexiform::layers::temporal_roughness(time.flatten(2), {.zeros = zeros()});
    }
    return total;
  }

  void project() override {
    if (!quirks) normalize();
  }

  int64_t history() const override { return bins - 1; }
  std::vector<plexiform::Named> pictures() override {
    return {{"image", space.detach().unflatten(0, {neurons, p.rank}).flatten(2, 3)},  // (N, R, C, h, w)
            {"time course", time.detach().flatten(2)}};
  }
  void* ability(std::string_view name) override { return plexiform::offer<LooksBack, Pictures, Inputs>(*this, name); }

 private:
  void place_patch() {
    const auto pair = [](const auto& values, const char* knob) {
      if (values.size() != 2)
        throw Error(knob, "has " + std::to_string(values.size()) + " numbers", "give two: rows, columns");
    };
    if (p.spat_kernel_size) pair(*p.spat_kernel_size, "spat_kernel_size");
    if (p.rf_location) pair(*p.rf_location, "rf_location");
    const auto size = p.spat_kernel_size.value_or(std::vector<int64_t>{shape.height, shape.width});
    const auto centre = p.rf_location.value_or(std::vector<int64_t>{shape.height / 2, shape.width / 2});
    height = size[0], width = size[1];
    const bool whole = height == shape.height && width == shape.width;
    top = whole ? 0 : centre[0] - height / 2, left = whole ? 0 : centre[1] - width / 2;
    if (top < 0 || left < 0 || top + height > shape.height || left + width > shape.width) {
      throw Error("spat_kernel_size",
                  "a patch of " + std::to_string(height) + " x " + std::to_string(width) + " px around (" +
                      std::to_string(centre[0]) + ", " + std::to_string(centre[1]) + ") leaves the features " +
                      shape.text(),
                  "use a smaller patch, or another rf_location");
    }
  }

  int64_t zeros() const { return p.laplace_padding.value_or(1); }
  bool spares_centre() const { return p.smooth_regularizer_spat == "GaussianLaplaceL2"; }

  void check_roughness() const {
    if (p.smooth_weight_spat > 0 && std::min(height, width) + 2 * zeros() < 3)
      throw Error("smooth_weight_spat", "is above 0, but images of so few pixels have no Laplacian", "set it to 0");
    if (p.smooth_weight_temp > 0 && bins + 2 * zeros() < 3)
      throw Error("smooth_weight_temp", "is above 0, but so short a time course has no curvature", "set it to 0");
    if (p.smooth_weight_spat > 0 && spares_centre() && zeros() != 1)
      throw Error("laplace_padding", "is not 1", "GaussianLaplaceL2 needs a padding of 1");
  }

  at::Tensor image_roughness() const {
    const auto images = space.squeeze(2);  // (N R, C, h, w)
    if (spares_centre()) return plexiform::layers::surround_roughness(images);
    return plexiform::layers::spatial_roughness(images, {.zeros = zeros()});
  }

  void normalize() {  // behind autograd's back
    if (!p.normalize_weights) return;
    for (const auto& weight : {space.variable_data(), time.variable_data()}) {
      const auto rows = weight.view({neurons, -1});
      rows.div_(rows.norm(2, 1, /*keepdim=*/true).clamp_min(1e-12));
    }
  }

  const Params p;
  const int64_t bins;
  int64_t height = 0, width = 0, top = 0, left = 0;  // of the patch
  torch::Tensor space, time, bias;                   // (N R, C, 1, h, w), (N, R, K, 1, 1), (N)
};
PLEXIFORM_READOUT(SeparableLnp, "plexiform.readouts.SeparableLNP",
                  "a filter separable in space and time, and a nonlinearity",
                  plexiform::Alias<&SeparableLnp::openretina>{
                      "openretina.models.linear_nonlinear.SingleCellSeparatedLNP"})
