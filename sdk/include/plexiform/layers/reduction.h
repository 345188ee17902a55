// How a loss makes one number of what each bin of each neuron costs: the knobs `per_neuron` and `avg`, what the loss declares, and
// the sum or mean itself. A loss has it as a field of its Params, and describes it with its other knobs:
//
//   struct Params {
//     plexiform::layers::ReductionKnobs reduce = {};
//     void describe(auto& knob) { reduce.describe(knob); }
//   };
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/loss.h>

namespace plexiform::layers {

struct ReductionKnobs {
  bool per_neuron = false, avg = true;

  void describe(auto& knob) {
    knob("per_neuron", per_neuron, {.doc = "one mean per neuron over all else, whatever avg says"});
    knob("avg", avg, {.doc = "mean; false: the sum over all, neurons included"});
  }

  // For Loss::reduction.
  Reduction kind() const { return per_neuron || avg ? Reduction::mean : Reduction::sum; }

  // cost (..., N): of each bin, or of each clip -> a scalar, or (N) with one mean per neuron
  at::Tensor operator()(const at::Tensor& cost) const {
    if (per_neuron) return cost.flatten(0, -2).mean(0);
    return avg ? cost.mean() : cost.sum();
  }
  // What is left to do with a sum over all; not with per_neuron.
  at::Tensor of_sum(const at::Tensor& sum, int64_t count) const { return avg ? sum.div(count) : sum; }
};

}  // namespace plexiform::layers
