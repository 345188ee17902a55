#include <ATen/autocast_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/linear.h>
#include <plexiform/layers/product.h>

#include "float_on_cpu.h"
#include "processor.h"

namespace plexiform::layers {

namespace {

// Does MKL leave AVX-512 aside?
bool product_is_slow() {
#if defined(__x86_64__)
  static const bool slow = has_avx512() && !__builtin_cpu_is("intel");
  return slow;
#else
  return false;
#endif
}

// Of equal size, as few as there may be; 0: rows do not part so.
int64_t images_of(int64_t rows) {
  for (int64_t images = 16; images <= 64; ++images) {
    if (rows % images == 0) return images;
  }
  return 0;
}

}  // namespace

at::Tensor product_by_convolution(const at::Tensor& x, const at::Tensor& weights, const at::Tensor& bias,
                                  int64_t images) {
  const int64_t K = weights.size(1), N = weights.size(0);
  const auto maps = x.reshape({images, 1, -1, K}).permute({0, 3, 1, 2});  // channels last, as they lie
  const auto y = at::conv2d(maps, weights.view({N, K, 1, 1}), bias).permute({0, 2, 3, 1});
  auto shape = x.sizes().vec();
  shape.back() = N;
  return y.reshape(shape);
}

at::Tensor product(const at::Tensor& x, const at::Tensor& weights, const at::Tensor& bias) {
  constexpr int64_t least = 1 << 20;  // multiplications: of fewer, the call counts more
  if (product_is_slow() && float_on_cpu(x) && float_on_cpu(weights) && weights.dim() == 2 && x.dim() > 0 &&
      x.size(-1) == weights.size(1) && x.numel() * weights.size(0) >= least &&
      !at::autocast::is_autocast_enabled(at::kCPU)) {
    if (const int64_t images = images_of(x.numel() / x.size(-1)))
      return product_by_convolution(x, weights, bias, images);
  }
  return at::linear(x, weights, bias);
}

}  // namespace plexiform::layers
