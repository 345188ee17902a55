// The frames that a temporal layer still needs when a movie comes one frame at a time (plexiform/abilities.h, Streaming).
// Notation  B batch, C channels, H x W pixels.
#pragma once

#include <ATen/core/Tensor.h>

namespace plexiform::layers {

class Window {
 public:
  // bins   of the kernel
  // zeros  that the layer puts before the first frame, at most bins - 1
  Window(int64_t bins, int64_t zeros) : bins_(bins), zeros_(zeros) {}

  // Forgets all frames.
  void start() { seen_ = 0; }

  // The last `bins` frames, this one the newest, with zeros where none has come: (B, C, H, W) -> (B, C, bins, H, W).
  // Undefined while there are fewer than bins - zeros. Without gradients it is a view, which the next push changes; no
  // gradient reaches the frames.
  at::Tensor push(const at::Tensor& frame);

 private:
  const int64_t bins_, zeros_;
  int64_t seen_ = 0;
  at::Tensor frames_;
};

}  // namespace plexiform::layers
