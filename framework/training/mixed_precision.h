// While it lives, convolutions and matrix products run in bfloat16 on this thread, and what needs the precision in float32
// (LibTorch's autocast). A component's results are handed on in float32 (model.cpp).
#pragma once

#include <ATen/autocast_mode.h>

#include <cstdlib>

namespace plexiform::training {

class MixedPrecision {
 public:
  MixedPrecision(bool on, at::Device device)
      : device_(device.type()), before_(at::autocast::is_autocast_enabled(device_)) {
    if (!on) return;
    if (device.is_cpu()) without_amx();
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
  // oneDNN's gradient of weights of one input channel writes past its memory where it uses AMX (LibTorch 2.13, kernels of 30 x 30
  // pixels and smaller: NaN, or a broken heap). It asks once, at the first convolution of the process.
  static void without_amx() {
    [[maybe_unused]] static const int set = setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16", /*overwrite=*/0);
  }

  const at::DeviceType device_;
  bool before_, on_ = false;
};

}  // namespace plexiform::training
