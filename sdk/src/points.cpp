#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/grid_sampler_2d.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <plexiform/layers/points.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "float_on_cpu.h"
#include "gradient_by_operators.h"
#include "parallel.h"
#include "point_kernels.h"

namespace plexiform::layers {

namespace {

using point_kernels::Corners, point_kernels::Lines;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

int64_t filled(int64_t count) {
  return (count + point_kernels::lanes - 1) / point_kernels::lanes * point_kernels::lanes;
}

// How x is gone through: in pieces that share their points. Of a sample, a block of bins whose lines stay in the cache; or one
// bin, where each has points of its own, or there are too few to fill a vector.
struct Plan {
  static constexpr int64_t most_bins = 256;

  Plan(const at::Tensor& x, const at::Tensor& points)
      : B(x.size(0)),
        C(x.size(1)),
        T(x.size(2)),
        H(x.size(3)),
        W(x.size(4)),
        N(points.size(1)),
        sets(points.size(0)),
        of_bins(T >= point_kernels::lanes / 2 && (sets == 1 || sets == B)),
        of_sample(of_bins ? (T + most_bins - 1) / most_bins : T),
        pieces(B * of_sample),
        lines{of_bins, of_bins ? C : 1, filled(of_bins ? std::min(T, most_bins) : C)},
        of_x{x.stride(0), x.stride(1), x.stride(2)} {}

  int64_t pixels() const { return H * W; }
  int64_t set(int64_t piece) const { return sets == 1 ? 0 : sets == B ? piece / of_sample : piece; }
  // Numbers of a line, without what fills it up.
  int64_t length(int64_t piece) const { return of_bins ? std::min(most_bins, T - piece % of_sample * most_bins) : C; }
  // Of pixel 0, in x: the first number of a piece; from one line to the next, and from one number of a line to the next.
  int64_t first(int64_t piece) const {
    return piece / of_sample * of_x.sample + piece % of_sample * (of_bins ? most_bins : 1) * of_x.bin;
  }
  int64_t line_step() const { return of_x.channel; }
  int64_t step() const { return of_bins ? of_x.bin : of_x.channel; }

  const int64_t B, C, T, H, W, N, sets;
  const bool of_bins;
  const int64_t of_sample, pieces;
  const Lines lines;
  const struct {
    int64_t sample, channel, bin;
  } of_x;  // from one to the next
};

// A point between its four pixels: left and right above, left and right below.
struct Place {
  float x, y;        // px from the left upper pixel
  int64_t pixel[4];  // -1: off the map

  Place(const Plan& plan, const float* point, bool align_corners) {
    auto scaled = [&](float at, int64_t size) {
      const auto pixels = static_cast<float>(size);
      return align_corners ? (at + 1) / 2 * (pixels - 1) : ((at + 1) * pixels - 1) / 2;
    };
    const float column = scaled(point[0], plan.W), row = scaled(point[1], plan.H);
    // Far away, or no number at all: which is then handed on.
    auto on_map = [](float at, int64_t size) { return at > -1 && at < static_cast<float>(size); };
    const bool on = on_map(column, plan.W) && on_map(row, plan.H);
    const float left = on ? std::floor(column) : 0, above = on ? std::floor(row) : 0;
    x = on ? column - left : 0 * column, y = on ? row - above : 0 * row;
    for (int q = 0; q < 4; ++q) {
      const int64_t w = static_cast<int64_t>(left) + q % 2, h = static_cast<int64_t>(above) + q / 2;
      const bool there = on && w >= 0 && w < plan.W && h >= 0 && h < plan.H;
      pixel[q] = there ? h * plan.W + w : -1;
    }
  }
  void shares(float* share) const {
    const float all[4] = {(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y};
    for (int q = 0; q < 4; ++q) share[q] = pixel[q] >= 0 ? all[q] : 0 * (x + y);
  }
  // The gradient of (column, row) in px from that of the shares.
  void gradient(const float* of_share, float* out) const {
    float s[4];
    for (int q = 0; q < 4; ++q) s[q] = pixel[q] >= 0 ? of_share[q] : 0;
    out[0] = (1 - y) * (s[1] - s[0]) + y * (s[3] - s[2]);
    out[1] = (1 - x) * (s[2] - s[0]) + x * (s[3] - s[1]);
  }
};

// The pixels of a piece that some points meet, one after the other as lines, after one of zeros that stands for all off the map.
class Pixels {
 public:
  Pixels(const Plan& plan, int64_t most_points)
      : plan_(plan),
        slot_(static_cast<size_t>(plan.pixels()), 0),
        memory_(at::zeros({(1 + std::min(plan.pixels(), 4 * most_points)) * plan.lines.pixel()}, at::kFloat)),
        numbers_(memory_.mutable_data_ptr<float>()) {}

  void forget() {
    for (const int64_t pixel : met_) slot_[static_cast<size_t>(pixel)] = 0;
    met_.clear();
  }
  // Where a pixel lies; -1: off the map.
  float* of(int64_t pixel) {
    if (pixel < 0) return numbers_;
    int64_t& slot = slot_[static_cast<size_t>(pixel)];
    if (slot == 0) met_.push_back(pixel), slot = std::ssize(met_);
    return numbers_ + slot * plan_.lines.pixel();
  }
  void read(const float* x, int64_t piece) const {
    if (plan_.of_bins && plan_.length(piece) < std::min(plan_.T, Plan::most_bins))
      clear();  // what fills up a last block
    each(piece, [&](float& own, int64_t at) { own = x[at]; });
  }
  void write(float* x, int64_t piece) const {
    each(piece, [&](const float& own, int64_t at) { x[at] = own; });
  }
  void clear() const { std::fill_n(numbers_, (1 + std::ssize(met_)) * plan_.lines.pixel(), 0.0f); }

 private:
  // Several numbers of a pixel's line at a time, and as many as the compiler knows: they are written as one.
  template <class Visit>
  void each(int64_t piece, Visit&& visit) const {
    constexpr int64_t together = point_kernels::lanes;
    const int64_t length = plan_.length(piece), step = plan_.step(), pixel_size = plan_.lines.pixel();
    for (int64_t line = 0; line < plan_.lines.count; ++line) {
      for (int64_t k = 0; k < length; k += together) {
        float* own = numbers_ + pixel_size + line * plan_.lines.length + k;
        const int64_t plane = plan_.first(piece) + line * plan_.line_step() + k * step;
        auto visit_pixels = [&](int64_t count) __attribute__((always_inline)) {
          for (const int64_t pixel : met_) {
            for (int64_t j = 0; j < count; ++j) visit(own[j], plane + j * step + pixel);
            own += pixel_size;
          }
        };
        if (length - k >= together) {
          visit_pixels(together);
        } else {
          visit_pixels(length - k);
        }
      }
    }
  }

  const Plan& plan_;
  std::vector<int64_t> slot_, met_;  // of each pixel, 0: none yet; the pixels of slots 1, 2, ...
  const at::Tensor memory_;
  float* const numbers_;
};

struct AtPoints : torch::autograd::Function<AtPoints> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& points,
                            const at::Tensor& weights, bool align_corners) {
    const Plan plan(x, points);
    const auto y =
        at::empty({plan.pieces, plan.N, plan.of_bins ? plan.lines.length : 1}, x.options().requires_grad(false));
    const auto w = by_point(plan, weights);
    const float *const from = x.const_data_ptr<float>(), *const weight = w.const_data_ptr<float>();
    float* const to = y.mutable_data_ptr<float>();
    const auto& kernels = point_kernels::kernels();
    each_point(plan, from, points, align_corners, [&](int64_t piece, int64_t n, const Place&, const Corners& corners) {
      kernels.forward(plan.lines, corners, weight + n * w.size(1), to + (piece * plan.N + n) * y.size(2));
    });
    context->save_for_backward({x, points, weights});
    context->saved_data["align_corners"] = align_corners;
    if (!plan.of_bins) return y.view({plan.B, plan.T, plan.N});
    const auto blocks = y.view({plan.B, plan.of_sample, plan.N, plan.lines.length}).transpose(2, 3);
    return blocks.flatten(1, 2).slice(1, 0, plan.T).contiguous();
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &points = saved[1], &weights = saved[2];
    const bool align_corners = context->saved_data["align_corners"].toBool();
    variable_list result(4);
    if (at::GradMode::is_enabled()) {  // create_graph
      const auto again = at_points_by_operators(x, points, weights, align_corners);
      return gradient_by_operators(context, {x, points, weights}, again, gradients[0], 4);
    }
    const Plan plan(x, points);
    const auto w = by_point(plan, weights);
    const auto dy = by_piece(plan, gradients[0]);
    const int64_t of_weight = w.size(1), of_output = dy.size(-1);
    const float *const from = x.const_data_ptr<float>(), *const weight = w.const_data_ptr<float>();
    const float* const of_y = dy.const_data_ptr<float>();
    const auto& kernels = point_kernels::kernels();
    if (context->needs_input_grad(1) || context->needs_input_grad(2)) {
      const auto dw = at::zeros_like(w), of_points = at::zeros_like(points);
      float *const of_w = dw.mutable_data_ptr<float>(), *const of_point = of_points.mutable_data_ptr<float>();
      const float scale[2] = {static_cast<float>(align_corners ? plan.W - 1 : plan.W) / 2,
                              static_cast<float>(align_corners ? plan.H - 1 : plan.H) / 2};
      each_point(plan, from, points, align_corners,
                 [&](int64_t piece, int64_t n, const Place& place, const Corners& corners) {
                   float of_share[4], of_place[2];
                   kernels.backward(plan.lines, corners, weight + n * of_weight,
                                    of_y + (piece * plan.N + n) * of_output, of_w + n * of_weight, of_share);
                   place.gradient(of_share, of_place);
                   float* const own = of_point + (plan.set(piece) * plan.N + n) * 2;
                   own[0] += scale[0] * of_place[0], own[1] += scale[1] * of_place[1];
                 });
      result[1] = of_points, result[2] = dw.slice(1, 0, plan.C).t().contiguous();
    }
    if (!context->needs_input_grad(0)) return result;
    result[0] = at::zeros_like(x);
    float* const of_x = result[0].mutable_data_ptr<float>();
    const float* const all = points.const_data_ptr<float>();
    const int64_t parts = std::min<int64_t>(at::get_num_threads(), plan.pieces);
    in_parallel(parts, [&](int64_t part) {
      Pixels pixels(plan, plan.N);
      for (int64_t piece = plan.pieces * part / parts; piece < plan.pieces * (part + 1) / parts; ++piece) {
        const float* const own = all + plan.set(piece) * plan.N * 2;
        auto each = [&](auto&& visit) {
          for (int64_t n = 0; n < plan.N; ++n) visit(n, Place(plan, own + 2 * n, align_corners));
        };
        pixels.forget();
        each([&](int64_t, const Place& place) {
          for (const int64_t pixel : place.pixel) pixels.of(pixel);
        });
        pixels.clear();
        each([&](int64_t n, const Place& place) {
          float share[4], *of_pixel[4];
          place.shares(share);
          for (int q = 0; q < 4; ++q) of_pixel[q] = pixels.of(place.pixel[q]);
          kernels.of_pixels(plan.lines, share, weight + n * of_weight, of_y + (piece * plan.N + n) * of_output,
                            of_pixel);
        });
        pixels.write(of_x, piece);
      }
    });
    return result;
  }

 private:
  // (C, N) -> (N, C filled up with zeros)
  static at::Tensor by_point(const Plan& plan, const at::Tensor& weights) {
    return at::constant_pad_nd(weights.t(), {0, filled(plan.C) - plan.C}).contiguous();
  }

  // (B, T, N) -> (pieces, N, line of bins filled up with zeros), or (pieces, N, 1)
  static at::Tensor by_piece(const Plan& plan, const at::Tensor& dy) {
    if (!plan.of_bins) return dy.contiguous().view({plan.pieces, plan.N, 1});
    const auto filled = at::constant_pad_nd(dy, {0, 0, 0, plan.of_sample * plan.lines.length - plan.T});
    return filled.view({plan.pieces, plan.lines.length, plan.N}).transpose(1, 2).contiguous();
  }

  // visit(piece, point, its place, its pixels), pieces in their order. Threads share the points: what is summed over pieces is
  // so in the same order for any number of them.
  template <class Visit>
  static void each_point(const Plan& plan, const float* x, const at::Tensor& points, bool align_corners,
                         Visit&& visit) {
    const float* const all = points.const_data_ptr<float>();
    const int64_t parts = std::min<int64_t>(at::get_num_threads(), std::max<int64_t>(1, plan.N));
    in_parallel(parts, [&](int64_t part) {
      const int64_t begin = plan.N * part / parts, end = plan.N * (part + 1) / parts;
      Pixels pixels(plan, end - begin);
      std::vector<Place> places;
      for (int64_t piece = 0; piece < plan.pieces; ++piece) {
        pixels.forget();
        places.clear();
        for (int64_t n = begin; n < end; ++n) {
          places.emplace_back(plan, all + (plan.set(piece) * plan.N + n) * 2, align_corners);
          for (const int64_t pixel : places.back().pixel) pixels.of(pixel);
        }
        pixels.read(x, piece);
        for (int64_t n = begin; n < end; ++n) {
          const Place& place = places[static_cast<size_t>(n - begin)];
          Corners corners;
          place.shares(corners.share);
          for (int q = 0; q < 4; ++q) corners.pixel[q] = pixels.of(place.pixel[q]);
          visit(piece, n, place, corners);
        }
      }
    });
  }
};

}  // namespace

at::Tensor at_points_by_operators(const at::Tensor& x, const at::Tensor& points, const at::Tensor& weights,
                                  bool align_corners) {
  const int64_t B = x.size(0), C = x.size(1), T = x.size(2), sets = points.size(0);
  const bool per_bin = sets == B * T && sets != B && sets != 1;
  const auto maps = per_bin ? x.transpose(1, 2).flatten(0, 1) : x.flatten(1, 2);
  const auto grid = (sets == 1 ? points.expand({maps.size(0), -1, -1}) : points).unsqueeze(2);
  const auto values = at::grid_sampler_2d(maps, grid, /*bilinear*/ 0, /*zeros*/ 0, align_corners).squeeze(3);
  const auto by_channel = per_bin ? values.unflatten(0, {B, T}).transpose(1, 2) : values.unflatten(1, {C, T});
  return (by_channel * weights.unsqueeze(1)).sum(1);  // of (B, C, T, N)
}

at::Tensor at_points(const at::Tensor& x, const at::Tensor& points, const at::Tensor& weights, bool align_corners) {
  TORCH_CHECK_VALUE(x.dim() == 5 && points.dim() == 3 && points.size(2) == 2 && weights.dim() == 2 &&
                        weights.size(0) == x.size(1) && weights.size(1) == points.size(1),
                    "maps ", x.sizes(), ", points ", points.sizes(), " and weights ", weights.sizes(),
                    " are not (B, C, T, H, W), (D, N, 2) and (C, N)");
  const int64_t sets = points.size(0);
  TORCH_CHECK_VALUE(sets == 1 || sets == x.size(0) || sets == x.size(0) * x.size(2), sets,
                    " sets of points for maps of ", x.sizes());
  if (!float_on_cpu(x) || !float_on_cpu(points) || !float_on_cpu(weights) || x.numel() == 0)
    return at_points_by_operators(x, points, weights, align_corners);
  const bool whole_maps = x.stride(4) == 1 && x.stride(3) == x.size(4) && x.is_non_overlapping_and_dense();
  return AtPoints::apply(whole_maps ? x : x.contiguous(), points.contiguous(), weights.contiguous(), align_corners);
}

}  // namespace plexiform::layers
