// lnp: one linear filter per neuron over the whole frame, then a nonlinearity. Behind a core that hands the movie on, the
// linear-nonlinear-Poisson model.
//   rate[b,t,n] = f( sum_c sum_k sum_ij weight[n,c,k,i,j] x[b,c,t+k,i,j] + bias[n] )     k from the oldest bin to the newest
// Penalty: smooth_weight |L * weight|^2 / |weight|^2 (L the Laplacian over ij) + sparse_weight mean |weight|.
// Source: Chichilnisky 2001, Network 12:199-213; state names and knobs are those of openretina 1.1.1, whose readout of this
// name has no memory (temporal_kernel_size 1). With compat "openretina": the mean activity is the bias as it is.
#include <plexiform/layers/product.h>
#include <plexiform/layers/readout.h>
#include <plexiform/layers/regularisers.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

struct Lnp final : plexiform::layers::DriveReadout, plexiform::LooksBack, plexiform::Pictures {
  struct Params {
    int64_t temporal_kernel_size = 1;
    bool bias = true;
    double smooth_weight = 0, sparse_weight = 0;
    std::string smooth_regularizer = "LaplaceL2norm";
    std::optional<int64_t> laplace_padding = {};
    plexiform::layers::ReadoutKnobs common = {};

    void describe(auto& knob) {
      knob("temporal_kernel_size", temporal_kernel_size,
           {.doc = "bins that a filter spans, the last one included", .unit = "bins", .min = 1});
      knob("bias", bias, {.doc = "an offset for each neuron"});
      knob("smooth_weight", smooth_weight, {.doc = "weight of the penalty for rough filters", .min = 0});
      knob("sparse_weight", sparse_weight, {.doc = "weight of the penalty for mean |weight|", .min = 0});
      knob("smooth_regularizer", smooth_regularizer,
           {.doc = "GaussianLaplaceL2 spares the frame's centre", .choices = {"LaplaceL2norm", "GaussianLaplaceL2"}});
      knob("laplace_padding", laplace_padding,
           {.doc = "zeros around a filter whose roughness is measured; null: 1", .unit = "px", .min = 0});
      common.describe(knob);
    }
  };
  static Params openretina() { return {.bias = false, .common = {.nonlinearity = "exp"}}; }

  Lnp(const plexiform::ReadoutContext& context, const Params& params)
      : DriveReadout(context, params.common), p(params) {
    const int64_t N = context.neurons, C = shape.channels, K = p.temporal_kernel_size;
    if (K > shape.time) {
      throw plexiform::Error("temporal_kernel_size", "is " + std::to_string(K) + ", but the core makes " + shape.text(),
                             "use a shorter filter, or longer windows (dataloader.train_chunk_size)");
    }
    check_roughness();
    const auto pixels = static_cast<double>(K * shape.height * shape.width);
    const double bound = 1 / std::sqrt(static_cast<double>(C) * pixels);
    // Drawn twice, as a convolution's default and then Xavier's: the generator goes on where openretina's does.
    auto drawn = torch::empty({N, C, K, shape.height, shape.width}).uniform_(-bound, bound);
    auto offset = p.bias ? torch::empty({N}).uniform_(-bound, bound) : torch::Tensor();
    drawn.normal_(0, std::sqrt(2 / (pixels * static_cast<double>(C + N))));
    auto kernel = register_module("inner_product_kernel", std::make_shared<torch::nn::Module>("kernel"));
    weight = kernel->register_parameter("weight", drawn);
    if (p.bias) {
      if (context.mean_activity.defined()) offset = initial_bias(context);
      bias = kernel->register_parameter("bias", offset);
    }
  }

  at::Tensor drive(const at::Tensor& x) override {
    const int64_t K = p.temporal_kernel_size, bins = x.size(2) - K + 1;
    TORCH_CHECK_VALUE(bins > 0, "features of ", x.size(2), " bins for a filter of ", K);
    const auto frames = x.transpose(1, 2).flatten(2);                               // (B, T, C H W)
    const auto filters = weight.permute({2, 0, 1, 3, 4}).flatten(2).flatten(0, 1);  // (K N, C H W)
    const auto seen =
        plexiform::layers::product(frames, filters).unflatten(2, {K, -1});  // (B, T, K, N): each bin by each lag
    auto sum = seen.slice(1, 0, bins).select(2, 0);
    for (int64_t k = 1; k < K; ++k) sum = sum + seen.slice(1, k, k + bins).select(2, k);
    return bias.defined() ? sum + bias : sum;
  }

  at::Tensor penalty() override {
    const auto total = p.sparse_weight * weight.abs().mean();
    return p.smooth_weight == 0 ? total : total + p.smooth_weight * roughness();
  }

  int64_t history() const override { return p.temporal_kernel_size - 1; }
  std::vector<plexiform::Named> pictures() override { return {{"filter", weight.detach()}}; }
  void* ability(std::string_view name) override { return plexiform::offer<LooksBack, Pictures, Inputs>(*this, name); }

  int64_t zeros() const { return p.laplace_padding.value_or(1); }

  bool spares_centre() const { return p.smooth_regularizer == "GaussianLaplaceL2"; }

  void check_roughness() const {
    if (p.smooth_weight == 0) return;
    if (std::min(shape.height, shape.width) + 2 * zeros() < 3) {
      throw plexiform::Error("smooth_weight", "is above 0, but filters of so few pixels have no Laplacian",
                             "set it to 0");
    }
    if (spares_centre() && zeros() != 1)
      throw plexiform::Error("laplace_padding", "is not 1", "GaussianLaplaceL2 needs a padding of 1");
  }

  at::Tensor roughness() const {
    const auto filters = weight.transpose(1, 2).flatten(0, 1);  // (N K, C, H, W)
    if (spares_centre()) return plexiform::layers::surround_roughness(filters);
    return plexiform::layers::spatial_roughness(filters, {.zeros = zeros()});
  }

  const Params p;
  torch::Tensor weight, bias;  // (N, C, K, H, W), (N)
};
PLEXIFORM_READOUT(Lnp, "plexiform.readouts.LNP", "one linear filter per neuron over the whole frame",
                  plexiform::Alias<&Lnp::openretina>{"openretina.modules.readout.multi_readout.MultipleLNPReadout"},
                  plexiform::Alias<&Lnp::openretina>{"openretina.modules.readout.linear_nonlinear_poison.LNPReadout"})
