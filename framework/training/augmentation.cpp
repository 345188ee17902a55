#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/replication_pad2d.h>
#include <ATen/ops/stack.h>
#include <training/augmentation.h>

#include <limits>

namespace plexiform::training {
namespace {

double within(double most, const at::Generator& random) {
  return most * (2 * at::rand({1}, random, at::kDouble).item<double>() - 1);
}

at::Tensor shifted(const at::Tensor& window, int64_t most, const at::Generator& random) {
  const auto begin = at::randint(2 * most + 1, {2}, random, at::kLong);
  return at::replication_pad2d(window, {most, most, most, most})
      .narrow(2, begin[0].item<int64_t>(), window.size(2))
      .narrow(3, begin[1].item<int64_t>(), window.size(3));
}

}  // namespace

at::Tensor Augmentation::operator()(const at::Tensor& stimulus) const {
  if (!any()) return stimulus;
  // A generator for each window: what is drawn for one does not depend on the others.
  const auto seed = at::randint(std::numeric_limits<int64_t>::max(), {1}, at::kLong).item<int64_t>();
  std::vector<at::Tensor> windows;
  for (int64_t b = 0; b < stimulus.size(0); ++b) {
    const auto random = at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(seed) + b);
    auto window = stimulus[b];
    if (shift > 0) window = shifted(window, shift, random);
    if (contrast > 0) window = window * (1 + within(contrast, random));
    if (brightness > 0) window = window + within(brightness, random);
    if (noise > 0) window = window + at::randn(window.sizes(), random, at::kFloat) * noise;
    windows.push_back(window);
  }
  return at::stack(windows);
}

}  // namespace plexiform::training
