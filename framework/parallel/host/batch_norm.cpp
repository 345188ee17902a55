#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm_native.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/instance_norm_native.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/var_mean.h>
#include <parallel/host/batch_norm.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <numeric>

namespace plexiform::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Optional = std::optional<at::Tensor>;

std::function<at::Tensor(const at::Tensor&)> gathered;  // the living SharedStatistics'
thread_local bool within_instance_norm = false;

at::Tensor of_all_ranks(const at::Tensor& own) { return gathered(own); }

std::vector<int64_t> all_but_channels(const at::Tensor& x) {
  std::vector<int64_t> axes(static_cast<size_t>(x.dim()));
  std::iota(axes.begin(), axes.end(), 0);
  axes.erase(axes.begin() + 1);
  return axes;
}

// Of each channel: (C) mean, biased variance, both of all ranks' numbers, of which there are `count`. Moments of the ranks
// are merged in their order: each rank gets the same bits. Source: Chan, Golub & LeVeque 1983, Am. Stat. 37:242-247.
struct Statistics {
  explicit Statistics(const at::Tensor& x) {
    const auto others = all_but_channels(x);
    const auto [own_variance, own_mean] = at::var_mean(x, others, /*correction=*/at::Scalar(0));
    const auto own_count = at::full_like(own_mean, static_cast<double>(x.numel() / x.size(1)), at::kDouble);
    const auto all = gathered(at::stack({own_mean.to(at::kDouble), own_variance.to(at::kDouble), own_count}));
    const auto counts = all.select(1, 2), means = all.select(1, 0);
    const auto total = counts.sum(0);
    mean = (means * counts).sum(0) / total;
    variance = ((all.select(1, 1) + (means - mean).square()) * counts).sum(0) / total;
    count = total[0].item<double>();
  }
  at::Tensor mean, variance;  // float64
  double count = 0;
};

at::Tensor by_channel(const at::Tensor& values, const at::Tensor& x) {
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[1] = -1;
  return values.to(x.scalar_type()).view(shape);
}

// y = weight (x - mean) / sqrt(variance + eps) + bias. With inverse = 1 / sqrt(variance + eps), z = (x - mean) inverse, n
// numbers of a channel and sums over those of all ranks:
//   dx = weight inverse (dy - sum(dy) / n - z sum(dy z) / n),  dweight = sum(dy z),  dbias = sum(dy) over own ones
struct SharedBatchNorm : torch::autograd::Function<SharedBatchNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const Optional& scale,
                            const Optional& offset, const Optional& running_mean, const Optional& running_variance,
                            double momentum, double eps) {
    const auto weight = scale.value_or(at::Tensor()), bias = offset.value_or(at::Tensor());
    const Statistics of_batch(x);
    const auto n = of_batch.count;
    TORCH_CHECK_VALUE(n > 1, "Expected more than 1 value per channel when training, got input size ", x.sizes());
    if (running_mean && running_mean->defined()) {
      running_mean->mul_(1 - momentum).add_(of_batch.mean.to(running_mean->scalar_type()), momentum);
    }
    if (running_variance && running_variance->defined()) {
      running_variance->mul_(1 - momentum)
          .add_((of_batch.variance * (n / (n - 1))).to(running_variance->scalar_type()), momentum);
    }
    const auto mean = of_batch.mean.to(x.scalar_type());
    const auto inverse = (of_batch.variance + eps).rsqrt().to(x.scalar_type());
    context->save_for_backward({x, weight, mean, inverse});
    context->saved_data["count"] = n;
    context->saved_data["has_bias"] = bias.defined();
    const auto slope = weight.defined() ? weight * inverse : inverse;
    auto y = (x - by_channel(mean, x)).mul_(by_channel(slope, x));
    if (bias.defined()) y.add_(by_channel(bias, x));
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(),
                "batch norm over several processes has no gradient of its gradient; train in one process");
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1], &mean = saved[2], &inverse = saved[3];
    const double n = context->saved_data["count"].toDouble();
    const auto others = all_but_channels(x);
    const auto& dy = gradients[0];
    const auto z = (x - by_channel(mean, x)).mul_(by_channel(inverse, x));
    const auto own = at::stack({dy.sum(others, false, at::kDouble), (dy * z).sum(others, false, at::kDouble)});
    variable_list result(7);
    if (weight.defined()) result[1] = own[1].to(weight.scalar_type());
    if (context->saved_data["has_bias"].toBool()) result[2] = own[0].to(x.scalar_type());
    if (!context->needs_input_grad(0)) return result;
    const auto sums = gathered(own).sum(0).div_(n);
    const auto slope = weight.defined() ? weight * inverse : inverse;
    result[0] = (dy - by_channel(sums[0], x)).sub_(z * by_channel(sums[1], x)).mul_(by_channel(slope, x));
    return result;
  }
};

at::Tensor batch_norm(const at::Tensor& x, const Optional& weight, const Optional& bias, const Optional& running_mean,
                      const Optional& running_variance, bool training, double momentum, double eps, bool cudnn) {
  if (!training || within_instance_norm) {
    return at::native::batch_norm(x, weight, bias, running_mean, running_variance, training, momentum, eps, cudnn);
  }
  return SharedBatchNorm::apply(x, weight, bias, running_mean, running_variance, momentum, eps);
}

at::Tensor instance_norm(const at::Tensor& x, const Optional& weight, const Optional& bias,
                         const Optional& running_mean, const Optional& running_variance, bool own, double momentum,
                         double eps, bool cudnn) {
  struct Within {
    Within() { within_instance_norm = true; }
    ~Within() { within_instance_norm = false; }
  } const within;
  return at::native::instance_norm(x, weight, bias, running_mean, running_variance, own, momentum, eps, cudnn);
}

}  // namespace

struct SharedStatistics::Registration {
  torch::Library ours{torch::Library::DEF, "plexiform", std::nullopt, __FILE__, __LINE__};
  torch::Library on_cpu{torch::Library::IMPL, "aten", c10::DispatchKey::AutogradCPU, __FILE__, __LINE__};
  torch::Library on_gpu{torch::Library::IMPL, "aten", c10::DispatchKey::AutogradCUDA, __FILE__, __LINE__};
};

SharedStatistics::SharedStatistics(std::function<at::Tensor(const at::Tensor&)> of_all) {
  gathered = std::move(of_all);
  registration_ = std::make_unique<Registration>();
  registration_->ours.def("of_all_ranks(Tensor own) -> Tensor", &of_all_ranks);
  for (auto* aten : {&registration_->on_cpu, &registration_->on_gpu}) {
    aten->impl("batch_norm", &batch_norm);
    aten->impl("instance_norm", &instance_norm);
  }
}

SharedStatistics::~SharedStatistics() {
  registration_.reset();
  gathered = nullptr;
}

}  // namespace plexiform::parallel
