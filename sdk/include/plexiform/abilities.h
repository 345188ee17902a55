// Optional abilities of a component: small interfaces that are asked for by name (Component::ability), so that new ones
// appear without a new version of Core, Readout or Loss. A class derives from those that it has and answers
//
//   void* ability(std::string_view name) override { return plexiform::offer<Streaming, Pictures>(*this, name); }
//
// and whoever wants one asks
//
//   if (auto* streaming = plexiform::ability<plexiform::Streaming>(*core)) streaming->start(1);
//
// An ability never changes in place: what would be another virtual or another meaning gets the name ".../2".
// Ownership  the pointer belongs to the component and is valid as long as that lives.
// Threads    as the component: one at a time.
// Notation   B batch, C channels, F features, T time bins, H x W pixels, row 0 on top; ' is output.
#pragma once

#include <plexiform/component.h>

#include <string>

namespace plexiform {

// A core that takes a movie frame by frame, or a readout that takes the core's features so.
// Contract  in evaluation mode, without gradients, the tensors that step() returns for the frames of a clip are the bins of
//           forward(clip), in their order and all of them, to 1e-5 of the largest. Who looks into the future does not offer it.
struct Streaming {
  static constexpr std::string_view name = "plexiform.streaming/1";

  // Forgets what it saw. To be called before the first step, and when B, H, W, dtype, device or parameters change.
  virtual void start(int64_t batch) = 0;

  // Features, or rates, of the bin that ends with this frame.
  //   frame    of the movie (B, C, H, W), or of the features (B, F, H', W');  given  of this bin: tensors have no time axis
  //   returns  (B, F, H', W') of a core, (B, N) of a readout; undefined while it has not seen enough (the first T - T' frames)
  virtual at::Tensor step(const at::Tensor& frame, const Given& given) = 0;

 protected:
  ~Streaming() = default;
};

// A component that can be looked at: kernels, masks.
struct Pictures {
  static constexpr std::string_view name = "plexiform.pictures/1";

  // What to draw now, each under a name of its own. The last two axes are rows (0 on top) and columns in px, or the only axis
  // is a curve; the axes before them count the pictures. Without grad; finite.
  virtual std::vector<Named> pictures() = 0;

 protected:
  ~Pictures() = default;
};

// A core or readout whose intermediate results can be had, for in-silico work.
struct Taps {
  static constexpr std::string_view name = "plexiform.taps/1";

  // Runs forward(input, given), and returns the intermediate results in the order in which they were made, each under a name
  // of its own, with its graph; the last is what forward returns.
  virtual std::vector<Named> taps(const at::Tensor& input, const Given& given) = 0;

 protected:
  ~Taps() = default;
};

// A component that says of which parts its penalty consists.
struct Penalties {
  static constexpr std::string_view name = "plexiform.penalties/1";

  // Weighted scalars, each under a name of its own, such as "features.layer0/smoothness"; together they are penalty().
  virtual std::vector<Named> penalties() = 0;

 protected:
  ~Penalties() = default;
};

// What forward reads from Given.
struct Input {
  std::string name;      // as Given::find is asked for it: "pupil", "behaviour"
  std::string axes;      // "B T 2": B, T, H, W as in the movie, or a number; in Streaming::step without T
  bool required = true;  // false: forward does without it
  std::string doc;       // one line, with the unit
};

struct Inputs {
  static constexpr std::string_view name = "plexiform.inputs/1";

  virtual std::vector<Input> inputs() = 0;

 protected:
  ~Inputs() = default;
};

// A readout that needs earlier bins of the features for each bin of its prediction.
struct LooksBack {
  static constexpr std::string_view name = "plexiform.looks_back/1";

  virtual int64_t history() const = 0;  // how many, at least 0

 protected:
  ~LooksBack() = default;
};

// A readout that is a weighted sum over features and pixels, bin by bin:
//   forward(x, given) = rates(drive, given),  drive[b,t,n] = sum_f,i,j weights()[n,f,i,j] x[b,f,t,i,j] + offsets()[n]
// With trainer.shared_core_pass the host makes the sums of all sessions as one product, where a map has no more pixels than
// there are bins in the batch (H' W' <= B T'), and calls forward of none of them.
// Contract  to 1e-5 of the largest rate, with the gradients of all three, while training and after; nothing is drawn at random.
struct LinearDrive {
  static constexpr std::string_view name = "plexiform.linear_drive/1";

  virtual at::Tensor weights() = 0;  // (N, F, H', W'), with its graph
  virtual at::Tensor offsets() = 0;  // (N), with its graph

  //   drive    (B, T', N), float32 under mixed precision, too;  given  as forward gets it
  //   returns  (B, T', N)
  virtual at::Tensor rates(const at::Tensor& drive, const Given& given) = 0;

 protected:
  ~LinearDrive() = default;
};

// A loss that treats the neurons of a session as what they are: by cell type, or with parameters of their
// own. The host then calls this forward instead of the other; what both promise is the same.
struct SessionLoss {
  static constexpr std::string_view name = "plexiform.session_loss/1";

  virtual at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target, const Given& given) = 0;

 protected:
  ~SessionLoss() = default;
};

// The ability of that type, or null.
template <class Ability>
Ability* ability(Component& component) {
  return static_cast<Ability*>(component.ability(Ability::name));
}

// For Component::ability: `self` as the ability of that name, or null. Each is cast to its own type before it becomes void*:
// the bases of a class lie at different addresses.
template <class... Abilities, class Self>
void* offer(Self& self, std::string_view name) {
  void* found = nullptr;
  ((name == Abilities::name ? void(found = static_cast<Abilities*>(&self)) : void()), ...);
  return found;
}

}  // namespace plexiform
