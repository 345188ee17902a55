// Time of the convolution of each layer of the published models, forward and backward, with the assembled kernel and with
// the fused factors, in one process on one thread. Not a test: run it on a quiet machine.
//   convolution_bench [REPEATS [LAYER]]     LAYER: part of a name
// conv3d     LibTorch's, as it is, on contiguous tensors, where nothing is padded
// dense      with the weight gradient of few inputs in channels-last layout (plexiform/layers/convolution.h)
// last       all in channels-last layout
// ratio      of fused to the better of dense and last
// fused      plexiform's kernels; their GFLOP/s count the multiplications of the factors in the cheaper order, two operations
//            each. In frequency there are far fewer, so that they may come to more than the peak.
// CPU time, smallest of REPEATS (5), or of fewer where they take more than half a minute: ten minutes in all, nearly all of it
// LibTorch's.
#include <ATen/Parallel.h>
#include <ATen/ops/conv3d.h>
#include <ATen/ops/mm.h>
#include <fmt/format.h>
#include <fused.h>
#include <malloc.h>
#include <plexiform/layers/custom_separable.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "peak.h"

using plexiform::Shape;
using namespace plexiform::layers;
namespace factored = plexiform::factored;

namespace {

struct Layer {
  const char* name;
  int64_t batch;
  ConvolutionSize size;
  Shape in;  // its channels: size.inputs
};

std::vector<Layer> layers() {
  Padding two, five;
  two.sides = {0, 2, 2}, five.sides = {0, 5, 5};
  return {
      {"low-res 1", 16, {2, 16, 21, 11, 11}, {2, 50, 18, 16}},
      {"low-res 2", 16, {16, 16, 11, 5, 5, two}, {16, 30, 8, 6}},
      {"high-res 1", 2, {2, 16, 13, 15, 15}, {2, 50, 72, 64}},
      {"high-res 2", 2, {16, 16, 11, 15, 15, five}, {16, 38, 58, 50}},
      {"high-res 3", 2, {16, 16, 5, 7, 7, five}, {16, 28, 54, 46}},
      {"high-res 4", 2, {16, 16, 5, 7, 7, five}, {16, 24, 58, 50}},
      {"1x48x40, 1", 8, {1, 16, 21, 8, 8, Padding::same()}, {1, 60, 48, 40}},
      {"1x48x40, 2", 8, {16, 16, 8, 8, 8, Padding::same()}, {16, 60, 48, 40}},
  };
}

struct Times {
  double forward = 1e9, both = 1e9;  // s
};

// The first layer's input is the stimulus: no gradient.
Times time(int repeats, const at::Tensor& x, auto&& convolve, const std::vector<at::Tensor>& leaves) {
  constexpr double enough = 30;  // s
  Times best;
  at::Tensor ones;
  const double first = bench::thread_seconds();
  for (int k = 0; k < repeats && bench::thread_seconds() - first < enough; ++k) {
    const double start = bench::thread_seconds();
    const auto y = convolve(x);
    const double middle = bench::thread_seconds();
    if (!ones.defined()) ones = torch::ones_like(y);
    const double again = bench::thread_seconds();
    torch::autograd::grad({y}, leaves, {ones});
    const double backward = bench::thread_seconds() - again;
    best.forward = std::min(best.forward, middle - start);
    best.both = std::min(best.both, middle - start + backward);
  }
  return best;
}

// Of a product of matrices that is large enough to be as fast as it gets.
double sgemm() {
  constexpr int64_t side = 768;
  const auto a = torch::randn({side, side}), b = torch::randn({side, side});
  double best = 1e9;
  for (int k = 0; k < 20; ++k) {
    const double start = bench::thread_seconds();
    at::mm(a, b);
    best = std::min(best, bench::thread_seconds() - start);
  }
  return 2e-9 * side * side * side / best;
}

}  // namespace

int main(int count, char** arguments) {
  const int repeats = count > 1 ? std::atoi(arguments[1]) : 5;
  if (repeats < 1) {
    fmt::print(stderr, "convolution_bench [REPEATS [LAYER]]\n");
    return 2;
  }
  at::set_num_threads(1);
  mallopt(M_MMAP_MAX, 0);  // as in training, freed memory is kept: maps would be zeroed by the system each time
  mallopt(M_TRIM_THRESHOLD, -1);
  const double peak = bench::peak();
  const auto& kernels = factored::kernels<float>(16);
  fmt::print("{}, FMA peak {:.0f} GFLOP/s, sgemm {:.0f}, one thread\n\n", kernels.name, peak, sgemm());
  fmt::print("{:<12} {:>5} {:>10} {:>10} {:>10} {:>10} {:>7} {:>7} {:>6}  {}\n", "layer", "batch", "conv3d ms",
             "dense ms", "last ms", "fused ms", "ratio", "GFLOP/s", "peak", "order");
  const std::array<const char*, 3> names = {"space first", "time first", "in frequency"};  // of factored::Order
  const std::string wanted_layer = count > 2 ? arguments[2] : "";
  for (const auto& layer : layers()) {
    if (std::string(layer.name).find(wanted_layer) == std::string::npos) continue;
    CustomSeparable conv(layer.size);
    const auto& in = layer.in;
    auto x = torch::randn({layer.batch, in.channels, in.time, in.height, in.width});
    auto leaves = conv.parameters();
    const bool hidden = in.channels > 2;
    if (hidden) leaves.push_back(x.requires_grad_());
    auto last = x.detach().contiguous(at::MemoryFormat::ChannelsLast3d).requires_grad_(hidden);
    auto last_leaves = conv.parameters();
    if (hidden) last_leaves.push_back(last);

    auto dense = [&](const at::Tensor& input) { return conv.dense(input); };
    auto plain = [&](const at::Tensor& input) {
      return at::conv3d(input, conv.temporal_kernel().unsqueeze(3).unsqueeze(4) * conv.spatial_kernel());
    };
    const Padding& padding = layer.size.padding;
    const bool padded = padding.rule != Padding::Rule::sides || padding.sides[1] > 0;
    const double conv3d = padded ? 0 : 1e3 * time(std::min(repeats, 3), x, plain, leaves).both;
    const auto fused = time(repeats, x, [&](const at::Tensor& input) { return conv.fused(input); }, leaves);
    const auto contiguous = time(std::min(repeats, 3), x, dense, leaves);
    const auto channels_last = time(std::min(repeats, 3), last, dense, last_leaves);

    const factored::Wanted wanted = {.kernels = true, .input = hidden};
    const auto& size = layer.size;
    const std::array<int64_t, 3> temporal = {size.outputs, size.inputs, size.bins};
    const auto problem =
        fused_problem(x.sizes(), temporal, conv.spatial_kernel().sizes(), size.padding.in_time(size.bins),
                      size.padding.in_height(size.height), size.padding.in_width(size.width));
    const auto order = factored::cheaper_order(problem, wanted, kernels.register_lanes);
    const double space_first = factored::multiplications(problem, factored::Order::space_first, wanted);
    const double time_first = factored::multiplications(problem, factored::Order::time_first, wanted);
    const double operations = 2 * (hidden ? time_first : std::min(space_first, time_first)) *
                              static_cast<double>(layer.batch * layer.size.inputs * layer.size.outputs);
    const double rate = 1e-9 * operations / fused.both;
    fmt::print("{:<12} {:>5} {:>10} {:>10.1f} {:>10.1f} {:>10.2f} {:>7.1f} {:>7.0f} {:>5.0f}%  {}\n", layer.name,
               layer.batch, padded ? "" : fmt::format("{:.1f}", conv3d), 1e3 * contiguous.both,
               1e3 * channels_last.both, 1e3 * fused.both, std::min(contiguous.both, channels_last.both) / fused.both,
               rate, peak > 0 ? 100 * rate / peak : 0, names[static_cast<size_t>(order)]);
    std::fflush(stdout);
  }
}
