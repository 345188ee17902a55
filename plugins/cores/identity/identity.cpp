// identity: the stimulus itself, for readouts that have filters of their own (LNP, spatial contrast).
//   features[b,f,t] = stimulus[b,f,t + cut]
// Cutting the first bins aligns a model without temporal filter with one that has one, and drops the onset of a clip.
#include <plexiform/abilities.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct Identity final : plexiform::CoreModule, plexiform::Streaming {
  struct Params {
    std::optional<int64_t> cut_first_n_frames;
    void describe(auto& knob) {
      knob("cut_first_n_frames", cut_first_n_frames,
           {.doc = "dropped from the beginning of a clip", .unit = "bins", .min = 0});
    }
  };

  Identity(const plexiform::Shape& in, const Params& params)
      : cut(params.cut_first_n_frames.value_or(0)), channels(in.channels) {
    output_shape(in);
  }
  at::Tensor forward(const at::Tensor& stimulus, const plexiform::Given&) override { return stimulus.slice(2, cut); }
  plexiform::Shape output_shape(const plexiform::Shape& in) const override {
    if (in.channels != channels) {
      throw plexiform::Error(
          "", "a stimulus of " + std::to_string(in.channels) + " channels, not " + std::to_string(channels),
          "build a core for it");
    }
    if (in.time <= cut) {
      throw plexiform::Error("cut_first_n_frames",
                             "is " + std::to_string(cut) + " for a clip of " + std::to_string(in.time) + " bins",
                             "use at most " + std::to_string(in.time - 1) + ", or a longer window");
    }
    return {in.channels, in.time - cut, in.height, in.width};
  }
  plexiform::Temporal temporal() const override { return {}; }

  void* ability(std::string_view name) override { return plexiform::offer<plexiform::Streaming>(*this, name); }
  void start(int64_t) override { to_cut = cut; }
  at::Tensor step(const at::Tensor& frame, const plexiform::Given&) override {
    return to_cut > 0 ? (--to_cut, at::Tensor()) : frame;
  }

  const int64_t cut, channels;
  int64_t to_cut = 0;  // of the frames that step() is given
};
PLEXIFORM_CORE(Identity, "plexiform.cores.Identity", "the stimulus itself, for readouts with filters of their own",
               plexiform::Alias<>{"openretina.modules.core.base_core.DummyCore"})
