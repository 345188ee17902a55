// While it lives, convolutions and matrix products run in bfloat16 on this thread, and what needs the precision in float32
// (LibTorch's autocast). A component's results are handed on in float32 (model.cpp).
#pragma once

#include <ATen/autocast_mode.h>

namespace plexiform::training {

class MixedPrecision {
 public:
  MixedPrecision(bool on, at::Device device)
      : device_(device.type()), before_(at::autocast::is_autocast_enabled(device_)) {
    if (!on) return;
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::increment_nesting();
    on_ = true;
  }
  ~MixedPrecision() {
    if (!on_) return;
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();  // of weights in bfloat16
    at::autocast::set_autocast_enabled(device_, before_);
  }
  MixedPrecision(const MixedPrecision&) = delete;

 private:
  const at::DeviceType device_;
  bool before_, on_ = false;
};

}  // namespace plexiform::training
