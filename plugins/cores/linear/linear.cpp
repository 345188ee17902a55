// linear: one bank of spatial filters, no nonlinearity. The baseline to beat.
//   features[b,f,t] = sum_c filter[f,c] (*) stimulus[b,c,t]   (*) 2-D valid correlation
// Source: linear receptive field, Chichilnisky 2001, Network 12:199-213.
#include <plexiform/abilities.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct Linear final : plexiform::CoreModule, plexiform::Streaming, plexiform::Pictures {
  struct Params {
    int64_t features = 16, kernel = 13;
    double smoothness = 0;
    void describe(auto& knob) {
      knob("features", features, {.doc = "filters to learn", .min = 1});
      knob("kernel", kernel, {.doc = "filter side", .unit = "px", .min = 1, .max = 63, .step = 2});
      knob("smoothness", smoothness, {.doc = "weight of the roughness penalty", .min = 0});
    }
  };

  Linear(const plexiform::Shape& in, const Params& params) : p(params), channels(in.channels) {
    output_shape(in);
    const auto init = torch::randn({p.features, in.channels, 1, p.kernel, p.kernel}) / p.kernel;
    filter = register_parameter("filter", init);
  }
  at::Tensor forward(const at::Tensor& stimulus, const plexiform::Given&) override {
    return torch::conv3d(stimulus, filter);  // depth 1: each time bin on its own
  }
  plexiform::Shape output_shape(const plexiform::Shape& in) const override {
    if (const int64_t side = std::min(in.height, in.width); p.kernel > side) {
      throw plexiform::Error("kernel",
                             "is " + std::to_string(p.kernel) + " for frames of " + std::to_string(in.height) + " x " +
                                 std::to_string(in.width) + " px",
                             "use at most " + std::to_string(side - (side + 1) % 2));
    }
    if (in.channels != channels) {
      throw plexiform::Error(
          "", "a stimulus of " + std::to_string(in.channels) + " channels, not " + std::to_string(channels),
          "build a core for it");
    }
    return {p.features, in.time, in.height - p.kernel + 1, in.width - p.kernel + 1};
  }
  plexiform::Temporal temporal() const override { return {}; }
  at::Tensor penalty() override {
    return p.smoothness * (filter.diff(1, 3).square().sum() + filter.diff(1, 4).square().sum());
  }

  void* ability(std::string_view name) override {
    return plexiform::offer<plexiform::Streaming, plexiform::Pictures>(*this, name);
  }
  void start(int64_t) override {}
  at::Tensor step(const at::Tensor& frame, const plexiform::Given& given) override {
    return forward(frame.unsqueeze(2), given).squeeze(2);
  }
  std::vector<plexiform::Named> pictures() override { return {{"filter", filter.detach().squeeze(2)}}; }

  const Params p;
  const int64_t channels;
  torch::Tensor filter;  // (F, C, 1, kernel, kernel)
};
PLEXIFORM_CORE(Linear, "plexiform.cores.Linear", "one bank of spatial filters")
