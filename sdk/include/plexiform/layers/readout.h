// What readouts have in common. A plugin says how features drive each neuron; what comes before and after is the same for all:
//
//   features (B, F, T', H', W') -> shifted by the eyes -> drive(features) (B, T'', N) -> spline -> f -> times a gain -> rate
//
// of which the shift, the spline and the gain are left out unless a knob asks for them.
// Notation  B batch, F features, T' time bins, T'' <= T' predicted bins (both end at the same one), H' x W' pixels, N neurons.
// For plugin sources only: includes torch/nn/module.h.
#pragma once

#include <plexiform/abilities.h>
#include <plexiform/layers/mlp.h>
#include <plexiform/layers/nonlinearity.h>
#include <plexiform/module.h>

#include <optional>

namespace plexiform::layers {

// What the data say of each neuron under this name: (N, ...) float32. Throws Error(knob, ...) when they say nothing, or not
// of each neuron.
at::Tensor per_neuron(const ReadoutContext& context, const std::string& name, const char* knob);

// Do features (B, C, T, H, W) lie in memory bin by bin, (B, T, C, H, W)? Those that several readouts share do.
bool by_bins(const at::Tensor& features);

// sum_c weights[c,n] sum_p features[b,c,t,p] masks[p,n] over channels c and pixels p, without a copy of features in either order.
// (B, C, T, H, W), (H W, N), (C, N) -> (B, T, N)
at::Tensor masked_sum(const at::Tensor& features, const at::Tensor& masks, const at::Tensor& weights);

struct ReadoutKnobs {
  std::string nonlinearity = "softplus";
  int64_t spline_knots = 0;
  double spline_range = 4;
  std::string eye_position = "", gain_from = "";
  int64_t eye_hidden = 0, gain_inputs = 1, gain_hidden = 10;
  std::optional<std::vector<int64_t>> in_shape = {};

  void describe(auto& knob) {
    knob("nonlinearity", nonlinearity, {.doc = "f of rate = f(drive)", .choices = nonlinearities()});
    knob("spline_knots", spline_knots,
         {.doc = "knots of a monotone spline that each neuron's drive goes through before f; 0: none",
          .min = 0,
          .max = 1000});
    knob("spline_range", spline_range, {.doc = "the knots lie evenly from minus to plus this drive", .min = 1e-3});
    knob("eye_position", eye_position, {.doc = "what the data call the eye's position (x, y); empty: it stands still"});
    knob("eye_hidden", eye_hidden,
         {.doc = "hidden units between eye position and shift; 0: none", .min = 0, .max = 10000});
    knob("gain_from", gain_from, {.doc = "what the data call the traces that scale the rates; empty: nothing does"});
    knob("gain_inputs", gain_inputs, {.doc = "how many traces that are", .min = 1, .max = 10000});
    knob("gain_hidden", gain_hidden,
         {.doc = "hidden units between the traces and the gains; 0: none", .min = 0, .max = 10000});
    knob("in_shape", in_shape,
         {.doc = "[channels, time, height, width] of the features; null: as the core makes them"});
  }
};

// rate = f( s_n(drive) ): a nonlinearity that all neurons share and, when there are knots, a monotone spline s_n of each
// neuron before it, which starts as the identity. Positive where f is, and with a gradient wherever f has one.
//   s_n(x) = integral from 0 to x of the slope,   slope = exp(log_slopes[k,n]) at knot k, linear between knots and constant
//   beyond the outer ones: a quadratic I-spline
// Source: Ramsay 1988, Statistical Science 3:425-441 (splines that integrate positively weighted splines are monotone).
class Output final : public torch::nn::Module {
 public:
  Output(const ReadoutKnobs& knobs, int64_t neurons);

  // (B, T'', N) -> (B, T'', N)
  at::Tensor forward(const at::Tensor& drive) const;

 private:
  at::Tensor spline(const at::Tensor& drive) const;

  const std::string nonlinearity_;
  const int64_t knots_;
  const double range_;
  at::Tensor log_slopes_;  // (knots, N)
};

// Moves what a readout sees with the eyes: a place p of the map is read at p + shift, where shift = tanh(network(eye position)),
// in half widths and half heights of the map, (x, y) = (column, row). Starts without a shift.
// Source: shifter network, Sinz et al. 2018, NeurIPS 31, bioRxiv 452672; Walker et al. 2019, Nat Neurosci 22:2060-2065.
class Shifter final : public torch::nn::Module {
 public:
  explicit Shifter(const ReadoutKnobs& knobs);
  Input input() const { return {name_, "B T 2", true, "eye position (x, y), in any unit"}; }

  // (B, bins, 2) for the last `bins` bins. Throws Error when the batch has no eye position.
  at::Tensor shift(const Given& given, int64_t bins) const;

  // (B, F, T', H', W') -> the same, each frame read at shifted places; bilinear, 0 off the map.
  at::Tensor forward(const at::Tensor& features, const Given& given) const;

 private:
  const std::string name_;
  std::shared_ptr<Mlp> network_;
};

// Scales the rates by what the animal does: gain = 1 + elu(network(traces)), which is positive. Starts as 1.
// Source: modulator network, Sinz et al. 2018 (see Shifter); a gain by running, Niell & Stryker 2010, Neuron 65:472-479.
class Gain final : public torch::nn::Module {
 public:
  Gain(const ReadoutKnobs& knobs, int64_t neurons);
  Input input() const { return {name_, "B T " + std::to_string(inputs_), true, "what scales the rates"}; }

  // (B, bins, N) for the last `bins` bins. Throws Error when the batch has no such traces.
  at::Tensor forward(const Given& given, int64_t bins) const;

 private:
  const std::string name_;
  const int64_t inputs_;
  std::shared_ptr<Mlp> network_;
};

// A readout with abilities of its own answers  offer<Pictures, Inputs>(*this, name).
class DriveReadout : public ReadoutModule, public Inputs {
 public:
  // Throws Error("in_shape", ...) when the config states other features than the core makes.
  DriveReadout(const ReadoutContext& context, const ReadoutKnobs& knobs);

  // Throws c10::ValueError when the features are not those of the context.
  at::Tensor forward(const at::Tensor& features, const Given& given) override;

  std::vector<Input> inputs() override;
  void* ability(std::string_view name) override { return offer<Inputs>(*this, name); }

 protected:
  virtual at::Tensor drive(const at::Tensor& features) = 0;

  // drive -> rate
  at::Tensor rate(const at::Tensor& drive, const Given& given) const;

  // The first bias (N): the drive of the mean training activity; with compat "openretina" that activity itself; zeros where it
  // is not known.
  at::Tensor initial_bias(const ReadoutContext& context) const;

  const Shape shape;
  const int64_t neurons;
  const bool quirks;                 // compat "openretina"
  std::shared_ptr<Shifter> shifter;  // null: the eyes stand still

 private:
  const std::string nonlinearity_;
  std::shared_ptr<Output> output_;
  std::shared_ptr<Gain> gain_;  // null: 1
};

}  // namespace plexiform::layers
