// Whether 50 steps of gradient descent lower a loss that can be lowered.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/zeros_like.h>

#include <functional>

#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

namespace {

// Adam (Kingma & Ba 2015, algorithm 1) with its usual constants.
class Adam {
 public:
  explicit Adam(std::vector<Named> leaves) : leaves_(std::move(leaves)) {
    for (const auto& leaf : leaves_) {
      mean_.push_back(at::zeros_like(leaf.tensor));
      square_.push_back(at::zeros_like(leaf.tensor));
    }
  }
  void step(double rate) {
    at::NoGradGuard no_grad;
    ++steps_;
    for (size_t i = 0; i < leaves_.size(); ++i) {
      auto& leaf = leaves_[i].tensor;
      if (!leaf.grad().defined()) continue;
      mean_[i].mul_(0.9).add_(leaf.grad(), 0.1);
      square_[i].mul_(0.999).add_(leaf.grad().square(), 0.001);
      const auto m = mean_[i] / (1 - std::pow(0.9, steps_)), v = square_[i] / (1 - std::pow(0.999, steps_));
      leaf.add_(m / (v.sqrt() + 1e-8), -rate);
      leaf.mutable_grad().reset();
    }
  }

 private:
  std::vector<Named> leaves_;
  std::vector<at::Tensor> mean_, square_;
  int steps_ = 0;
};

// What 50 steps leave of the loss.
double after_steps(const std::vector<Named>& leaves, const std::function<at::Tensor()>& loss,
                   const std::function<void()>& after_step, double rate) {
  Adam adam(leaves);
  for (int i = 0; i < 50; ++i) {
    auto value = loss();
    value.backward();
    adam.step(rate);
    after_step();
  }
  return loss().item<double>();
}

// The second rate is for those that the first throws too far: an exponential of hundreds of inputs.
void descend(const std::vector<Named>& leaves, const std::function<at::Tensor()>& loss,
             const std::function<void()>& after_step) {
  std::vector<at::Tensor> start;
  for (const auto& leaf : leaves) start.push_back(leaf.tensor.detach().clone());
  const double before = loss().item<double>();
  double after = before;
  for (const double rate : {0.01, 0.001}) {
    {
      at::NoGradGuard no_grad;
      for (size_t i = 0; i < leaves.size(); ++i) at::Tensor(leaves[i].tensor).copy_(start[i]);
    }
    after = after_steps(leaves, loss, after_step, rate);
    if (after < before - 0.05 * std::abs(before)) return;
  }
  expect(false, str("the loss went from ", before, " to ", after));
}

// A component learns what another instance of it does. A core's features are read out by fixed random weights.
void learn_from_teacher(const Subject& subject) {
  const Specimen student(subject), teacher(subject, 1);
  const auto leaves = trainable(*student);
  if (leaves.empty()) throw NotRun{"nothing to train"};
  move_a_little(*teacher);
  {
    at::NoGradGuard no_grad;
    teacher->project();
  }
  const auto x = student.input(4);
  const auto weights = at::randn(student.run(x).sizes().slice(1));  // (F, T', H', W') or (T', N)
  const auto read = [&](const Specimen& specimen) {
    const auto y = specimen.run(x) * weights.unsqueeze(0);
    return y.dim() == 5 ? y.sum(at::IntArrayRef{1, 3, 4}) : y;
  };
  const auto goal = read(teacher).detach();
  const double scale = goal.var().item<double>() + 1e-12;
  descend(
      leaves, [&] { return (read(student) - goal).square().mean() / scale; },
      [&] {
        at::NoGradGuard no_grad;
        student->project();
      });
}

// A loss teaches the predictions themselves.
void lower_the_loss(const Subject& subject) {
  const Specimen specimen(subject);
  const auto x = at::randn({2, loss_bins - lag, neurons}).requires_grad_(true);
  descend({{"prediction", x}}, [&] { return specimen.run(at::softplus(x)).mean(); }, [] {});
}

void learns(const Subject& subject) {
  subject.component->kind == PLEXIFORM_LOSS_KIND ? lower_the_loss(subject) : learn_from_teacher(subject);
}

}  // namespace

Checks learning_checks() {
  return {{"learns",
           "50 steps of Adam lower the loss of a small planted problem by at least 5 %, at a rate of 0.01 or 0.001",
           "plexiform/component.h, Component::parameters; a parameter that is not registered, a wrong sign", &learns}};
}

}  // namespace plexiform::conformance
