// The optional abilities of plexiform/abilities.h: whoever offers one keeps its contract.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <plexiform/abilities.h>

#include <set>

#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

namespace {

template <class Ability>
Ability& offered(const Specimen& specimen) {
  auto* found = ability<Ability>(*specimen);
  if (!found) throw NotRun{"not offered"};
  return *found;
}

void names_apart(const std::vector<Named>& all) {
  std::set<std::string> seen;
  for (const auto& [name, tensor] : all) {
    expect(!name.empty() && seen.insert(name).second, "the name '" + name + "' is empty or occurs twice");
    expect(tensor.defined(), name + " is undefined");
    expect(finite(tensor), "NaN or infinity in " + name);
  }
}

void unknown_ability(const Subject& subject) {
  const Specimen specimen(subject);
  for (const char* name : {"", "plexiform.streaming/0", "no.such/1"}) {
    expect(specimen->ability(name) == nullptr, str("ability(\"", name, "\") is not null"));
  }
}

void streaming(const Subject& subject) {
  const Specimen specimen(subject);
  auto& stream = offered<Streaming>(specimen);
  specimen.run(specimen.input());  // statistics that are not the initial ones
  move_a_little(*specimen);
  specimen->train(false);
  at::NoGradGuard no_grad;
  for (const int64_t batch : {2, 2, 1}) {  // start() forgets
    const auto clip = specimen.input(batch);
    const auto expected = specimen.run(clip);
    const int64_t time = expected.dim() == 3 ? 1 : 2;  // of rates (B, T, N), of features (B, F, T, H, W)
    std::vector<at::Tensor> bins;
    stream.start(batch);
    for (int64_t t = 0; t < clip.size(2); ++t) {
      const auto features = stream.step(clip.select(2, t), given(*specimen, clip, t));
      if (features.defined()) bins.push_back(features.clone());  // it may be written again by the next step
    }
    expect(std::ssize(bins) == expected.size(time),
           str("for a clip of ", clip.size(2), " bins, step() made ", bins.size(), ", forward ", expected.size(time)));
    const auto streamed = at::stack(bins, time);
    expect(streamed.sizes() == expected.sizes(), str("step() makes ", bins[0].sizes(), ", forward ", expected.sizes()));
    expect(agree(streamed, expected, 1e-5), str("step() and forward differ by ", distance(streamed, expected), " of ",
                                                expected.abs().max().item<double>()));
  }
}

void pictures(const Subject& subject) {
  const Specimen specimen(subject);
  const auto all = offered<Pictures>(specimen).pictures();
  expect(!all.empty(), "no picture");
  names_apart(all);
  for (const auto& [name, tensor] : all) {
    expect(tensor.dim() >= 1 && tensor.numel() > 0, str(name, " has shape ", tensor.sizes()));
    expect(!tensor.requires_grad(), name + " requires grad");
  }
}

void taps(const Subject& subject) {
  const Specimen specimen(subject);
  auto& component = offered<Taps>(specimen);
  specimen->train(false);
  const auto x = specimen.input();
  const auto expected = specimen.run(x);
  const auto all = component.taps(x, given(*specimen, x));
  expect(!all.empty(), "no tap");
  names_apart(all);
  expect(agree(all.back().tensor, expected, 1e-5), "the last, " + all.back().name + ", is not what forward returns");
}

void penalties(const Subject& subject) {
  const Specimen specimen(subject);
  const auto parts = offered<Penalties>(specimen).penalties();
  names_apart(parts);
  double sum = 0;
  for (const auto& [name, tensor] : parts) {
    expect(tensor.numel() == 1, str(name, " has shape ", tensor.sizes()));
    sum += tensor.item<double>();
  }
  const auto whole = specimen->penalty();
  const double total = whole.defined() ? whole.item<double>() : 0;
  expect(std::abs(sum - total) <= 1e-5 * std::abs(total) + 1e-9, str("they add up to ", sum, ", penalty() is ", total));
}

void linear_drive(const Subject& subject) {
  const Specimen specimen(subject);
  auto& linear = offered<LinearDrive>(specimen);
  move_a_little(*specimen);
  const auto has_shape = [](const char* what, const at::Tensor& made, const std::vector<int64_t>& promised) {
    expect(made.defined(), str(what, " is undefined"));
    expect(made.sizes() == promised, str(what, " has shape ", made.sizes(), ", not ", promised));
  };
  for (const bool training : {false, true}) {
    specimen->train(training);
    const char* const mode = training ? "while training, " : "";
    const auto x = specimen.input().requires_grad_();
    const auto weights = linear.weights(), offsets = linear.offsets();  // first: the host calls no forward
    has_shape("weights()", weights, {neurons, x.size(1), x.size(3), x.size(4)});
    has_shape("offsets()", offsets, {neurons});
    const auto drive = at::linear(x.transpose(1, 2).flatten(2), weights.flatten(1), offsets);
    const auto rates = linear.rates(drive, given(*specimen, x)), expected = specimen.run(x);
    has_shape("rates()", rates, drive.sizes().vec());
    expect(agree(rates, expected, 1e-5), str(mode, "rates() and forward differ by ", distance(rates, expected), " of ",
                                             expected.abs().max().item<double>()));
    expect(rates.requires_grad(), "rates() has no gradient: its graph is cut (detach, item, NoGradGuard)");
    auto leaves = trainable(*specimen);
    leaves.push_back({"features", x});
    auto gradients = [&](const at::Tensor& y) {
      for (const auto& leaf : leaves) leaf.tensor.mutable_grad().reset();
      weighted_sum(y).backward();
      std::vector<at::Tensor> all;
      for (const auto& leaf : leaves)
        all.push_back(leaf.tensor.grad().defined() ? leaf.tensor.grad().clone() : at::zeros_like(leaf.tensor));
      return all;
    };
    const auto of_rates = gradients(rates), of_forward = gradients(expected);
    for (size_t k = 0; k < leaves.size(); ++k) {
      expect(agree(of_rates[k], of_forward[k], 1e-4),
             str(mode, "the gradient of '", leaves[k].name, "' through rates() and through forward differ by ",
                 distance(of_rates[k], of_forward[k]), " of ", of_forward[k].abs().max().item<double>()));
    }
  }
}

void inputs(const Subject& subject) {
  const Specimen specimen(subject);
  auto& component = offered<Inputs>(specimen);
  std::set<std::string> names;
  const auto all = component.inputs();
  for (const auto& input : all) {
    expect(!input.name.empty() && names.insert(input.name).second,
           "the name '" + input.name + "' is empty or occurs twice");
    expect(!input.doc.empty(), input.name + " has no doc");
    expect(input.axes.starts_with("B"), input.name + " has axes '" + input.axes + "': the batch axis comes first");
  }
  specimen.run(specimen.input());
  if (std::none_of(all.begin(), all.end(), [](const Input& i) { return i.required; })) {
    if (subject.component->kind == PLEXIFORM_CORE_KIND) specimen.core().forward(specimen.input(), {});
  }
}

}  // namespace

Checks ability_checks() {
  return {
      {"unknown ability", "ability() is null for a name that it does not know",
       "plexiform/component.h, Component::ability", &unknown_ability},
      {"streaming", "step() of each frame gives the bins of forward (to 1e-5), after each start()",
       "plexiform/abilities.h, Streaming", &streaming},
      {"pictures", "finite tensors without grad, under names of their own", "plexiform/abilities.h, Pictures",
       &pictures},
      {"taps", "tensors under names of their own, the last of them the output", "plexiform/abilities.h, Taps", &taps},
      {"penalties", "scalars under names of their own that add up to penalty()", "plexiform/abilities.h, Penalties",
       &penalties},
      {"linear drive",
       "rates() of the weighted sum are those of forward (to 1e-5), with their gradients, while training as well",
       "plexiform/abilities.h, LinearDrive", &linear_drive},
      {"inputs", "forward takes what inputs() lists, and needs nothing else", "plexiform/abilities.h, Inputs", &inputs},
  };
}

}  // namespace plexiform::conformance
