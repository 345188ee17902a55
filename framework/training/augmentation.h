// Changes to training windows, drawn anew for each: what a cell's response should not depend on.
#pragma once

#include <ATen/core/Tensor.h>

namespace plexiform::training {

// The config's `augmentation`. Amounts are in units of the normalised stimulus; 0 changes nothing.
struct Augmentation {
  double noise = 0, contrast = 0, brightness = 0;
  int64_t shift = 0;
  void describe(auto& knob) {
    knob("noise", noise,
         {.doc = "standard deviation of Gaussian noise, independent for every pixel and frame", .min = 0});
    knob("contrast", contrast,
         {.doc = "each window is scaled by a factor of its own, at most this far from 1", .min = 0, .max = 1});
    knob("brightness", brightness, {.doc = "each window gets an offset of its own, at most this large", .min = 0});
    knob("shift", shift,
         {.doc = "each window is moved by whole pixels, at most this many along each axis; borders are repeated",
          .unit = "pixels",
          .min = 0});
  }

  bool any() const { return noise > 0 || contrast > 0 || brightness > 0 || shift > 0; }

  // stimulus (B, C, T, H, W), on the CPU -> the same shape. Draws one number from LibTorch's default generator, from which all
  // others follow: the same seed, the same bits.
  at::Tensor operator()(const at::Tensor& stimulus) const;
};

}  // namespace plexiform::training
