// @name@: space-time filters that divide one another's output. Source: Heeger 1992, Visual Neuroscience 9:181-197.
//   drive[b,f,t]    = sum_{c,l,y,x} filter[f,c,l,y,x] stimulus[b,c,t-l,y,x]
//   features[b,f,t] = drive[b,f,t] / sqrt(semi_saturation^2 + mean_g drive[b,g,t]^2)   at each pixel
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct @Name@ final : plexiform::CoreModule {
  struct Params {
    int64_t features = 8, bins = 12, kernel = 9;
    double semi_saturation = 1, smoothness = 1e-3;
    void describe(auto& knob) {  // one line per knob: parsing, checks, documentation, run record
      knob("features", features, {.doc = "filters to learn", .min = 1});
      knob("bins", bins, {.doc = "filter length", .unit = "bins", .min = 1});
      knob("kernel", kernel, {.doc = "filter side", .unit = "px", .min = 1});
      knob("semi_saturation", semi_saturation, {.doc = "the drive at which normalisation sets in", .min = 1e-3});
      knob("smoothness", smoothness, {.doc = "weight of the penalty for steps from bin to bin", .min = 0});
    }
  };

  @Name@(const plexiform::Shape& in, const Params& params) : p(params) {
    const auto start = torch::randn({p.features, in.channels, p.bins, p.kernel, p.kernel});
    filter = register_parameter("filter", start / std::sqrt(start[0].numel()));
    output_shape(in);  // refuses a stimulus that is too small
  }
  at::Tensor forward(const at::Tensor& stimulus, const plexiform::Given&) override {
    const auto drive = torch::conv3d(stimulus, filter);  // no padding: only bins and pixels that are there
    return drive / (drive.square().mean(1, true) + p.semi_saturation * p.semi_saturation).sqrt();
  }
  plexiform::Shape output_shape(const plexiform::Shape& in) const override {
    const plexiform::Shape out{p.features, in.time - p.bins + 1, in.height - p.kernel + 1, in.width - p.kernel + 1};
    if (in.channels == filter.size(1) && !out.empty()) return out;
    throw plexiform::Error(out.time < 1 ? "bins" : out.empty() ? "kernel" : "", "does not fit " + in.text(), "make it smaller");
  }
  plexiform::Temporal temporal() const override { return {.history = p.bins - 1}; }
  at::Tensor penalty() override { return p.smoothness * filter.diff(1, 2).square().sum(); }

  const Params p;
  torch::Tensor filter;  // (F, C, bins, kernel, kernel)
};
PLEXIFORM_CORE(@Name@, "mylab.cores.@Name@", "space-time filters with divisive normalisation")
