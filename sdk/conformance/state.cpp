// What is saved, and where it can live.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>

#include <set>

#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

namespace {

void names(const Subject& subject) {
  const Specimen specimen(subject);
  std::set<std::string> seen;
  std::set<const void*> tensors;
  for (const auto& [name, tensor] : state(*specimen)) {
    expect(!name.empty(), "a tensor without a name");
    expect(tensor.defined(), name + " is undefined");
    expect(seen.insert(name).second, "two tensors are called " + name);
    expect(tensors.insert(tensor.unsafeGetTensorImpl()).second, name + " was listed before, under another name");
    expect(tensor.is_leaf(), name + " is the result of an operation, not a leaf: what is loaded into it is lost");
  }
}

void same_seed(const Subject& subject) {
  const Specimen first(subject), again(subject);
  const auto a = state(*first), b = state(*again);
  expect(a.size() == b.size(), str(a.size(), " tensors the first time, ", b.size(), " the second"));
  for (size_t i = 0; i < a.size(); ++i) {
    expect(a[i].name == b[i].name && a[i].tensor.sizes() == b[i].tensor.sizes() && at::equal(a[i].tensor, b[i].tensor),
           a[i].name + " has other values the second time: it is not drawn from LibTorch's default generator");
  }
  const auto x = first.input();
  const auto pass = [&](const Specimen& specimen) {  // in training mode: dropout draws too
    at::manual_seed(subject.seed);
    return specimen.run(x);
  };
  const auto y = pass(first), z = pass(again);
  expect(at::equal(y, z), str("the outputs of a training pass differ by ", distance(y, z)));
}

void round_trip(const Subject& subject) {
  const Specimen saved(subject), loaded(subject, 1);
  saved.run(saved.input());  // statistics that training gathers are part of what is saved
  saved.run(saved.input() * 2 + 1);
  move_a_little(*saved);
  {
    at::NoGradGuard no_grad;
    saved->project();
  }
  copy_state(*saved, *loaded);
  saved->train(false);
  loaded->train(false);
  const auto x = saved.input();
  const auto y = saved.run(x), z = loaded.run(x);
  expect(at::equal(y, z), str("another instance that was given all parameters and buffers differs by ", distance(y, z),
                              ": something that forward uses is not among them"));
}

void project_settles(const Subject& subject) {
  const Specimen specimen(subject);
  at::NoGradGuard no_grad;
  move_a_little(*specimen);
  specimen->project();
  std::vector<at::Tensor> before;
  for (const auto& one : state(*specimen)) before.push_back(one.tensor.clone());
  specimen->project();
  const auto after = state(*specimen);
  for (size_t i = 0; i < after.size(); ++i) {
    expect(agree(after[i].tensor, before[i], 1e-5),
           str("a second call moves ", after[i].name, " by ", distance(after[i].tensor, before[i])));
  }
}

void to_double(const Subject& subject) {
  const Specimen specimen(subject);
  specimen->train(false);
  const auto x = specimen.input();
  const auto y = specimen.run(x);
  expect(y.scalar_type() == at::kFloat, str("float32 in, ", y.scalar_type(), " out"));
  specimen->to(at::kCPU, at::kDouble);
  for (const auto& [name, tensor] : state(*specimen)) {
    expect(!tensor.is_floating_point() || tensor.scalar_type() == at::kDouble,
           str("after to(float64), ", name, " is ", tensor.scalar_type()));
  }
  const auto z = specimen.run(x.to(at::kDouble));
  expect(z.scalar_type() == at::kDouble, str("after to(float64), float64 in, ", z.scalar_type(), " out"));
  expect(agree(y, z, 1e-3), str("float32 and float64 differ by ", distance(y, z)));
}

void to_cuda(const Subject& subject) {
  if (!at::globalContext().hasCUDA()) throw NotRun{"no CUDA device"};
  const Specimen specimen(subject);
  specimen->train(false);
  const auto x = specimen.input();
  const auto y = specimen.run(x);
  const at::Device device(at::kCUDA, 0);
  specimen->to(device, at::kFloat);
  for (const auto& [name, tensor] : state(*specimen)) {
    expect(tensor.is_cuda(), str("after to(cuda), ", name, " is on ", tensor.device()));
  }
  const auto z = specimen.run(x.to(device));
  expect(z.is_cuda(), "input on the GPU, output on the CPU");
  expect(agree(y, z.cpu(), 1e-2), str("CPU and CUDA differ by ", distance(y, z.cpu())));  // TF32 has 10 bits
  specimen->train(true);
  if (const auto value = specimen.value(x.to(device)); value.requires_grad()) value.backward();
  if (const auto penalty = specimen->penalty(); penalty.defined()) {
    expect(penalty.is_cuda(), "after to(cuda), penalty() is on the CPU");
  }
  const at::NoGradGuard no_grad;
  specimen->project();
}

}  // namespace

Checks state_checks() {
  return {
      {"names", "parameters and buffers have names of their own, and each tensor is listed once",
       "plexiform/component.h, Component::parameters", &names},
      {"same seed, same bits", "after at::manual_seed(n), create and forward give the same bits",
       "plexiform/component.h, Random; in the constructor std::random_device, rand(), memory that is not initialised",
       &same_seed},
      {"save and load", "parameters and buffers are all that evaluation depends on",
       "plexiform/component.h, Component::buffers; register_buffer", &round_trip},
      {"project settles", "project() leaves parameters that are in their set where they are (to 1e-5)",
       "plexiform/component.h, Component::project", &project_settles},
      {"float64", "after to(float64) the component computes in float64, the same to 1e-3",
       "plexiform/component.h, Component::to; a tensor made without .options()", &to_double},
      {"CUDA", "after to(cuda) the component computes there, the same to 1e-2", "plexiform/component.h, Component::to",
       &to_cuda},
  };
}

}  // namespace plexiform::conformance
