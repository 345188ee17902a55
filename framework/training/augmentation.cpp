#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/replication_pad3d.h>
#include <training/augmentation.h>

namespace plexiform::training {
namespace {

// Uniform in [-most, most], one for each window: (B, 1, 1, 1, 1).
at::Tensor drawn(const at::Tensor& stimulus, double most) {
  return at::rand({stimulus.size(0), 1, 1, 1, 1}, stimulus.options()).mul_(2).sub_(1).mul_(most);
}

at::Tensor shifted(const at::Tensor& stimulus, int64_t most) {
  const int64_t windows = stimulus.size(0), height = stimulus.size(3), width = stimulus.size(4);
  const auto begin = at::randint(2 * most + 1, {windows, 2}, at::kLong);
  const auto* at = begin.const_data_ptr<int64_t>();
  const auto wide = at::replication_pad3d(stimulus, {most, most, most, most, 0, 0});
  std::vector<at::Tensor> moved;
  for (int64_t b = 0; b < windows; ++b, at += 2) {
    moved.push_back(wide.narrow(0, b, 1).narrow(3, at[0], height).narrow(4, at[1], width));
  }
  return at::cat(moved);
}

}  // namespace

at::Tensor Augmentation::operator()(at::Tensor stimulus) const {
  if (shift > 0) stimulus = shifted(stimulus, shift);
  if (contrast > 0) stimulus = stimulus * (drawn(stimulus, contrast) + 1);
  if (brightness > 0) stimulus = stimulus + drawn(stimulus, brightness);
  if (noise > 0) stimulus = stimulus + at::randn_like(stimulus) * noise;
  return stimulus;
}

}  // namespace plexiform::training
