// What forward does with its input.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <c10/core/InferenceMode.h>

#include <thread>

#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

namespace {

void finite_output(const Subject& subject) {
  for (const bool training : {true, false}) {
    const Specimen specimen(subject);
    specimen->train(training);
    const auto y = specimen.run(specimen.input());
    expect(finite(y), str("NaN or infinity in the output of a ", training ? "training" : "evaluation", " pass"));
    expect(y.ne(0).any().item<bool>(), "an output of zeros for a random input");
  }
}

void input_unchanged(const Specimen& specimen) {
  for (const bool training : {true, false}) {
    specimen->train(training);
    const auto x = specimen.input(), before = x.clone();
    const auto version = x._version();
    specimen.run(x);
    expect(at::equal(x, before), str("forward changed its input by up to ", distance(x, before)));
    expect(x._version() == version, "forward wrote to its input");
    if (!specimen.is_loss()) continue;
    const auto recorded = target(x), as_recorded = recorded.clone();
    specimen.compare(x, recorded);
    expect(at::equal(recorded, as_recorded) && recorded._version() == 0, "forward wrote to the target");
  }
}

void non_contiguous(const Subject& subject) {
  const Specimen specimen(subject);
  specimen->train(false);
  const auto x = specimen.input();
  const auto expected = specimen.run(x);
  const int64_t last = x.dim() - 1;
  const auto turned = x.transpose(1, last).contiguous().transpose(1, last);
  const auto spaced = at::cat({x, x + 1}, last).slice(last, 0, x.size(last));
  for (const auto& [what, other] : {std::pair{"channels-last", turned}, {"strided", spaced}}) {
    const auto y = specimen.run(other);
    expect(agree(y, expected, 1e-4), str("the same values in a ", what, " tensor give another output, by ",
                                         y.sizes() == expected.sizes() ? distance(y, expected) : 0));
  }
}

void inference_mode(const Subject& subject) {
  const Specimen specimen(subject);
  specimen->train(false);
  const auto x = specimen.input();
  at::Tensor in_inference;
  {
    const c10::InferenceMode guard;
    in_inference = specimen.run(x.clone()).clone();
  }
  const auto y = specimen.run(x);  // what it kept meanwhile must not stop a later training
  expect(agree(in_inference, y, 1e-5), str("another output in inference mode, by ", distance(in_inference, y)));
  if (y.requires_grad()) weighted_sum(y).backward();
}

void deterministic(const Subject& subject) {
  const Specimen specimen(subject);
  specimen.run(specimen.input());  // a step of training
  specimen->train(false);
  const auto x = specimen.input();
  const auto first = specimen.run(x);
  for (int i = 0; i < 3; ++i) {
    const auto again = specimen.run(x);
    expect(at::equal(first, again), str("pass ", i + 2, " differs from pass 1 by ", distance(first, again)));
  }
}

void samples_apart(const Subject& subject) {
  const Specimen specimen(subject);
  specimen->train(false);
  const auto two = specimen.input(2);
  const auto together = specimen.run(two);
  const auto apart = at::cat({specimen.run(two.slice(0, 0, 1)), specimen.run(two.slice(0, 1, 2))});
  expect(agree(together, apart, 1e-4),
         str("two samples in one batch give another output than one by one, by ", distance(together, apart)));
}

void two_threads(const Subject& subject) {
  const Specimen a(subject), b(subject, 1);
  const auto x = a.input();
  const auto pass = [&](const Specimen& specimen, at::Tensor& result) {
    at::NoGradGuard no_grad;
    for (int i = 0; i < 5; ++i) result = specimen.run(x);
  };
  a->train(false);
  b->train(false);
  at::Tensor alone_a, alone_b, beside_a, beside_b;
  pass(a, alone_a);
  pass(b, alone_b);
  std::string problem;
  std::thread other([&] {
    try {
      pass(b, beside_b);
    } catch (const std::exception& e) {
      problem = e.what();
    }
  });
  try {
    pass(a, beside_a);
  } catch (const std::exception& e) {
    problem = e.what();
  }
  other.join();
  expect(problem.empty(), "an exception while two instances run side by side: " + problem);
  expect(agree(alone_a, beside_a, 1e-5) && agree(alone_b, beside_b, 1e-5),
         "two instances that run side by side give other outputs than alone");
}

}  // namespace

Checks compute_checks(uint32_t kind) {
  Checks all = {
      {"finite output", "outputs are finite, and not all zero, for a random input", "plexiform/component.h, Values",
       &finite_output},
      {"input unchanged", "forward does not write to its input", "plexiform/component.h, forward",
       in_each_use<&input_unchanged>},
      {"non-contiguous input", "the output depends on the values of the input, not on its strides (to 1e-4)",
       "plexiform/component.h, forward; a view(...) that wants reshape(...), a data_ptr() that ignores strides",
       &non_contiguous},
      {"inference mode", "the same output under c10::InferenceMode (to 1e-5), and a backward pass after it",
       "plexiform/component.h, forward; tensors kept between two calls", &inference_mode},
      {"deterministic evaluation", "in evaluation mode the same input gives the same bits",
       "plexiform/component.h, Evaluation", &deterministic},
      {"two threads", "two instances may run at the same time", "plexiform/component.h, Threads; static variables",
       &two_threads},
  };
  if (kind != PLEXIFORM_LOSS_KIND) {
    all.push_back({"samples apart", "in evaluation mode the samples of a batch do not see each other (to 1e-4)",
                   "plexiform/component.h, Evaluation; a mean or normalisation over the batch axis", &samples_apart});
  }
  return all;
}

}  // namespace plexiform::conformance
