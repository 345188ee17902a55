// spatial_contrast: each neuron's measured receptive field, and how much the image varies within it.
//   z[b,n,t,p] = sum_k temporal[n,k] x[b,0,t+k,p]                    k from the oldest bin to the newest; T' - K + 1 bins
//   I = sum_p spatial[n,p] z / S,   c = sqrt(sum_p spatial[n,p] (z - I)^2 / S),   S = sum_p spatial[n,p]
//   rate[b,t,n] = a[n] f(b[n] (I + w[n] c) + c0[n])           trained: w, nl_a = a, nl_b = b, nl_c = c0
// p: pixels. The filters are the session's (`spatial_filters` (N, H', W'), `temporal_filters` (N, K)), fixed.
// Source: Liu et al. 2022, PLoS Comput Biol 18:e1009925 (spatial contrast model); names of openretina 1.1.1. With compat
// "openretina": c^2 as the difference of two means, at least 1e-6; its model of one neuron has it as above, and no negative w.
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
      knob("neuron_chunk_size", neuron_chunk_size, {.doc = "neurons at a time: fewer need less memory", .min = 1});
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

  at::Tensor drive(const at::Tensor& x) override {
    const auto traces = x.select(1, 0).flatten(2).transpose(1, 2).flatten(0, 1).unsqueeze(1);  // (B P, 1, T)
    std::vector<at::Tensor> drives;
    for (int64_t from = 0; from < w.size(0); from += p.neuron_chunk_size) {
      const int64_t to = std::min(from + p.neuron_chunk_size, w.size(0));
      const auto z = at::conv1d(traces, temporal.slice(0, from, to).unsqueeze(1))  // (B P, n, T')
                         .view({x.size(0), shape.height * shape.width, to - from, -1});
      drives.push_back(combined(z, from, to));
    }
    return b * at::cat(drives, 1).transpose(1, 2) + c;
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
  // I + w c of the neurons from..to: z (B, P, n, T') -> (B, n, T').
  at::Tensor combined(const at::Tensor& z, int64_t from, int64_t to) const {
    const auto weight = (spatial.slice(0, from, to).flatten(1) / (sums.slice(0, from, to) + 1e-8).unsqueeze(1)).t();
    auto mean = [&](const at::Tensor& values) { return (values * weight.unsqueeze(2)).sum(1); };
    const auto average = mean(z);
    // Where nothing varies the root has no gradient: what is added is far below any contrast.
    const auto contrast = quirks && !p.one_neuron
                              ? (mean(z.square()) - average.square()).clamp_min(1e-6).sqrt()
                              : (mean((z - average.unsqueeze(1)).square()).clamp_min(0) + 1e-12).sqrt();
    return average + w.slice(0, from, to).unsqueeze(1) * contrast;
  }

  const Params p;
  torch::Tensor spatial, temporal, sums, w, a, b, c;
};
PLEXIFORM_READOUT(
    SpatialContrast, "plexiform.readouts.SpatialContrast", "measured receptive fields and the contrast within them",
    plexiform::Alias<>{"openretina.modules.readout.spatial_contrast_model_readout.SpatialContrastReadout"},
    plexiform::Alias<>{"openretina.modules.readout.spatial_contrast_model_readout.MultiSpatialContrastReadout"},
    plexiform::Alias<&SpatialContrast::single_cell>{"openretina.models.spatial_contrast.SingleCellSpatialContrast"})
