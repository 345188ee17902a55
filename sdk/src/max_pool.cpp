#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/max_pool3d.h>
#include <ATen/ops/zeros_like.h>
#include <plexiform/layers/max_pool.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "float_on_cpu.h"
#include "parallel.h"

namespace plexiform::layers {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor by_operator(const at::Tensor& x) {
  return x.dim() == 4 ? at::max_pool2d(x, {2, 2}) : at::max_pool3d(x, {1, 2, 2});
}

// Without branches, which nothing foretells, and of rows that do not overlap: so that the compiler makes vectors of them. What
// is not a number is the largest.
inline float larger(float a, float b) {
  const float most = b > a ? b : a;
  return b != b ? b : most;
}

void pool(const float* __restrict upper, const float* __restrict lower, float* __restrict y, int64_t width) {
  for (int64_t w = 0; w < width; ++w)
    y[w] = larger(larger(upper[2 * w], upper[2 * w + 1]), larger(lower[2 * w], lower[2 * w + 1]));
}

void gradient(const float* __restrict upper, const float* __restrict lower, const float* __restrict dy,
              float* __restrict of_upper, float* __restrict of_lower, int64_t width) {
  for (int64_t w = 0; w < width; ++w) {
    const float a = upper[2 * w], b = upper[2 * w + 1], c = lower[2 * w], d = lower[2 * w + 1];
    const float y = larger(larger(a, b), larger(c, d));
    const float of_a = a == y ? dy[w] : 0, after_a = a == y ? 0 : dy[w];
    const float of_b = b == y ? after_a : 0, after_b = b == y ? 0 : after_a;
    const float of_c = c == y ? after_b : 0, of_d = c == y ? 0 : after_b;
    of_upper[2 * w] = of_a, of_upper[2 * w + 1] = of_b, of_lower[2 * w] = of_c, of_lower[2 * w + 1] = of_d;
  }
}

struct Planes {
  explicit Planes(const at::Tensor& x)
      : height(x.size(-2)), width(x.size(-1)), count(height * width > 0 ? x.numel() / (height * width) : 0) {}

  // pair(upper row, lower row, row of the pooled), for each
  template <class X, class Y, class Pair>
  void each(X* x, Y* y, Pair&& pair) const {
    const int64_t parts = at::get_num_threads(), H = height / 2, W = width / 2;
    in_parallel(parts, [&](int64_t part) {
      for (int64_t plane = count * part / parts; plane < count * (part + 1) / parts; ++plane) {
        for (int64_t h = 0; h < H; ++h) {
          X* const upper = x + (plane * height + 2 * h) * width;
          pair(upper, upper + width, y + (plane * H + h) * W, W);
        }
      }
    });
  }

  const int64_t height, width, count;
};

struct MaxPool : torch::autograd::Function<MaxPool> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    auto shape = x.sizes().vec();
    shape[shape.size() - 2] /= 2, shape.back() /= 2;
    auto y = at::empty(shape, x.options().requires_grad(false));
    Planes(x).each(x.const_data_ptr<float>(), y.mutable_data_ptr<float>(), pool);
    context->save_for_backward({x});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto x = context->get_saved_variables()[0];
    if (at::GradMode::is_enabled()) return torch::autograd::grad({by_operator(x)}, {x}, {gradients[0]}, true, true);
    const auto dy = gradients[0].contiguous();
    auto dx = x.size(-1) % 2 || x.size(-2) % 2 ? at::zeros_like(x) : at::empty(x.sizes(), x.options());
    const float* const all = x.const_data_ptr<float>();
    float* const of_x = dx.mutable_data_ptr<float>();
    Planes(x).each(all, dy.const_data_ptr<float>(),
                   [&](const float* upper, const float* lower, const float* from, int64_t width) {
                     gradient(upper, lower, from, of_x + (upper - all), of_x + (lower - all), width);
                   });
    return {dx};
  }
};

}  // namespace

at::Tensor max_pool_2x2(const at::Tensor& x) {
  const bool own = float_on_cpu(x) && x.size(-1) > 1 && x.size(-2) > 1;
  return own ? MaxPool::apply(x.contiguous()) : by_operator(x);
}

}  // namespace plexiform::layers
