// spatial_contrast: each neuron's measured receptive field, and how much the image varies within it.
//   z[b,n,t,p] = sum_k temporal[n,k] x[b,0,t+k,p]                    k from the oldest bin to the newest; T' - K + 1 bins
//   I = sum_p spatial[n,p] z / S,   c = sqrt(sum_p spatial[n,p] (z - I)^2 / S),   S = sum_p spatial[n,p]
//   rate[b,t,n] = a[n] f(b[n] (I + w[n] c) + c0[n])           trained: w, nl_a = a, nl_b = b, nl_c = c0
// p: pixels. The filters are the session's (`spatial_filters` (N, H', W'), `temporal_filters` (N, K)), fixed.
// Source: Liu et al. 2022, PLoS Comput Biol 18:e1009925 (spatial contrast model); names of openretina 1.1.1. With compat
// "openretina": c^2 as the difference of two means, at least 1e-6; its model of one neuron has it as above, and no negative w.
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <plexiform/layers/readout.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

using plexiform::Error;

struct SpatialContrast final : plexiform::layers::DriveReadout, plexiform::LooksBack, plexiform::Pictures {
  struct Params {
    std::string spatial_filters = "spatial_filters", temporal_filters = "temporal_filters";
    double w_init = 0, a_init = 4, b_init = 1, c_init = -5;
    int64_t neuron_chunk_size = 32;
    plexiform::layers::ReadoutKnobs common = {};
    bool one_neuron = false;  // not a knob

    void describe(auto& knob) {
      knob("spatial_filters", spatial_filters, {.doc = "the session's weights of pixels (N, H', W'), by name"});
      knob("temporal_filters", temporal_filters, {.doc = "the session's weights of bins (N, K), by name"});
      knob("w_init", w_init, {.doc = "first weight of the contrast"});
      knob("a_init", a_init, {.doc = "first gain of the rate"});
      knob("b_init", b_init, {.doc = "first gain of the drive"});
      knob("c_init", c_init, {.doc = "first offset of the drive"});
      knob("neuron_chunk_size", neuron_chunk_size,
           {.doc = "of openretina: how many neurons it does at once; changes nothing here", .min = 1});
      common.describe(knob);
    }
  };

  static Params single_cell() { return {.a_init = 1, .c_init = 0, .one_neuron = true}; }

  SpatialContrast(const plexiform::ReadoutContext& context, const Params& params)
      : DriveReadout(context, params.common), p(params) {
    if (shape.channels != 1) {
      throw Error("", "the core makes " + std::to_string(shape.channels) + " feature maps, not 1",
                  "use a core that hands the movie on, and a movie of one channel");
    }
    const auto of = [&](const std::string& name, const char* knob, int64_t axes, const char* form) {
      const auto filters = plexiform::layers::per_neuron(context, name, knob);
      if (filters.dim() != axes)
        throw Error(knob, "'" + name + "' has " + std::to_string(filters.dim()) + " axes", form);
      return filters.clone();
    };
    spatial = register_buffer("spatial_filters",
                              of(p.spatial_filters, "spatial_filters", 3, "store (neurons, height, width)"));
    temporal =
        register_buffer("temporal_filters", of(p.temporal_filters, "temporal_filters", 2, "store (neurons, bins)"));
    if (spatial.size(1) != shape.height || spatial.size(2) != shape.width) {
      throw Error("spatial_filters",
                  "are " + std::to_string(spatial.size(1)) + " x " + std::to_string(spatial.size(2)) +
                      " px, but the core makes " + shape.text(),
                  "measure them on the movie that the model sees");
    }
    sums = register_buffer("sf_sums", spatial.sum({1, 2}));
    const int64_t N = context.neurons;
    w = register_parameter("w", torch::full({N}, p.w_init));
    a = register_parameter("nl_a", torch::full({N}, p.a_init));
    b = register_parameter("nl_b", torch::full({N}, p.b_init));
    c = register_parameter("nl_c", torch::full({N}, p.c_init));
  }

  at::Tensor forward(const at::Tensor& x, const plexiform::Given& given) override {
    return a * DriveReadout::forward(x, given);
  }

  // A neuron after the other, and of each the pixels that it sees alone: filters cover a small part of an image.
  at::Tensor drive(const at::Tensor& x) override {
    if (x.size(2) < temporal.size(1)) {
      throw Error("temporal_filters",
                  "are " + std::to_string(temporal.size(1)) + " bins long, the features " + std::to_string(x.size(2)),
                  "give longer clips");
    }
    // Sums over thousands of pixels, and differences of their squares, are not for half precision.
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const auto movie =
        x.select(1, 0).flatten(2).permute({2, 0, 1}).to(temporal.scalar_type()).contiguous();  // (P, B, T)
    const auto weights = spatial.flatten(1) / (sums + 1e-8).unsqueeze(1), seen = weights.ne(0);
    const auto counts = seen.sum(1).to(at::kCPU);
    const auto pixels = seen.nonzero().select(1, 1).split_with_sizes(
        {counts.const_data_ptr<int64_t>(), static_cast<size_t>(counts.size(0))});
    std::vector<at::Tensor> averages, contrasts;  // (B T') each
    for (int64_t n = 0; n < w.size(0); ++n) {
      const auto& own = pixels[static_cast<size_t>(n)];
      const auto z = in_time(movie.index_select(0, own), temporal[n]).flatten(1);
      const auto weight = weights[n].index_select(0, own);
      const auto average = at::matmul(weight, z);
      averages.push_back(average);
      // Where nothing varies the root has no gradient: what is added is far below any contrast.
      contrasts.push_back(quirks && !p.one_neuron
                              ? (at::matmul(weight, z.square()) - average.square()).clamp_min(1e-6).sqrt()
                              : (at::matmul(weight, (z - average).square()).clamp_min(0) + 1e-12).sqrt());
    }
    const auto seen_by_all = at::stack(averages, 1) + w * at::stack(contrasts, 1);
    return b * seen_by_all.view({x.size(0), x.size(2) - temporal.size(1) + 1, w.size(0)}) + c;
  }

  void project() override {
    if (p.one_neuron) w.clamp_min_(0);
    if (!p.one_neuron || !quirks) a.clamp_min_(0);  // no negative rate
  }

  int64_t history() const override { return temporal.size(1) - 1; }
  std::vector<plexiform::Named> pictures() override {
    return {{"receptive field", spatial.detach()}, {"temporal filter", temporal.detach()}};
  }
  void* ability(std::string_view name) override { return plexiform::offer<LooksBack, Pictures, Inputs>(*this, name); }

 private:
  // x (P, B, T) -> z (P, B, T'), in blocks of bins: a product with a band, whose row k is the filter from place k on.
  static at::Tensor in_time(const at::Tensor& x, const at::Tensor& filter) {
    const int64_t bins = filter.size(0), out = x.size(2) - bins + 1, most = std::min(out, std::max<int64_t>(32, bins));
    const auto shifted = at::constant_pad_nd(filter, {0, most}).repeat({most});
    const auto band = shifted.slice(0, 0, most * (most + bins - 1)).view({most, most + bins - 1});
    std::vector<at::Tensor> blocks;
    for (int64_t from = 0; from < out; from += most) {
      const int64_t rows = std::min(most, out - from), width = rows + bins - 1;
      blocks.push_back(at::matmul(x.slice(2, from, from + width), band.slice(0, 0, rows).slice(1, 0, width).t()));
    }
    return blocks.size() == 1 ? blocks[0] : at::cat(blocks, 2);
  }

  const Params p;
  torch::Tensor spatial, temporal, sums, w, a, b, c;
};
PLEXIFORM_READOUT(
    SpatialContrast, "plexiform.readouts.SpatialContrast", "measured receptive fields and the contrast within them",
    plexiform::Alias<>{"openretina.modules.readout.spatial_contrast_model_readout.SpatialContrastReadout"},
    plexiform::Alias<>{"openretina.modules.readout.spatial_contrast_model_readout.MultiSpatialContrastReadout"},
    plexiform::Alias<&SpatialContrast::single_cell>{"openretina.models.spatial_contrast.SingleCellSpatialContrast"})
