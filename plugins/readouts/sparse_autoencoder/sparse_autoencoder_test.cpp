#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <plexiform/abilities.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using Catch::Approx;
using plexiform::ReadoutContext;

namespace {

const std::string ours = "plexiform.readouts.SparseAutoencoder",
                  theirs = "openretina.models.sparse_autoencoder.Autoencoder";

ReadoutContext context(int64_t neurons, const std::string& compat = "") {
  return {.features = {neurons, 7, 1, 1}, .session = "a", .neurons = neurons, .compat = compat};
}

at::Tensor activity() { return wave({2, 5, 7}).view({2, 5, 7, 1, 1}); }

}  // namespace

TEST_CASE("the sparse autoencoder keeps the readout contract") {
  check_readout_contract(ours, "{hidden_dim: 8, sparsity_factor: 0.1}", context(3));
  check_readout_contract(theirs, "{hidden_dim: 4, sparsity_factor: 0.01}", context(3, "openretina"));
}

TEST_CASE("the sparse autoencoder has openretina's losses, gradients and ten steps of training") {
  auto model = make_readout(theirs, "{hidden_dim: 8, sparsity_factor: 0.02}", context(5, "openretina"));
  fill(*model, 0.4);
  const auto target = activity().view({2, 5, 7}).transpose(1, 2);
  const auto project = [&] {
    const at::NoGradGuard no_grad;
    model->project();
  };
  const auto loss = [&] {  // openretina sums over the 5 neurons
    const auto error = (model->forward(activity(), {}) - target).square().mean();
    return 5 * (error + model->penalty());  // of the code that forward made
  };
  project();
  const auto first = loss();
  first.backward();
  check_golden("loss", first);
  const auto taps = plexiform::ability<plexiform::Taps>(*model)->taps(activity(), {});
  check_golden("code", taps[0].tensor);
  check_golden("reconstruction", taps[1].tensor);
  for (const std::string name : {"bias", "encoder.weight", "encoder.bias", "decoder.weight"}) {
    check_golden("gradient " + name, tensor(*model, name).grad(), 1e-4);
  }
  std::vector<at::Tensor> losses = {first.detach()}, means, squares;
  const auto all = model->parameters();
  for (const auto& one : all) {
    means.push_back(at::zeros_like(one.tensor));
    squares.push_back(at::zeros_like(one.tensor));
  }
  for (int step = 1; step <= 10; ++step) {  // Adam, Kingma & Ba 2015, algorithm 1
    {
      const at::NoGradGuard no_grad;
      for (size_t i = 0; i < all.size(); ++i) {
        auto x = all[i].tensor;
        means[i].mul_(0.9).add_(x.grad(), 0.1);
        squares[i].mul_(0.999).add_(x.grad().square(), 0.001);
        const auto m = means[i] / (1 - std::pow(0.9, step)), v = squares[i] / (1 - std::pow(0.999, step));
        x.add_(m / (v.sqrt() + 1e-8), -0.01);
        x.mutable_grad().reset();
      }
    }
    project();
    auto value = loss();
    value.backward();
    losses.push_back(value.detach());
  }
  check_golden("eleven losses", at::stack(losses), 1e-4);
  check_golden("decoder after ten steps", tensor(*model, "decoder.weight"), 1e-4);
}

TEST_CASE("seed 0 draws openretina's autoencoder") {
  at::manual_seed(0);
  auto model = make_readout(theirs, "{hidden_dim: 8}", context(5, "openretina"));
  check_golden("seed 0 encoder", tensor(*model, "encoder.weight"));
  check_golden("seed 0 encoder bias", tensor(*model, "encoder.bias"));
  check_golden("seed 0 decoder", tensor(*model, "decoder.weight"));
}

TEST_CASE("each feature of the autoencoder has length 1 in the space of neurons, and no gradient into it") {
  auto model = make_readout(ours, "{hidden_dim: 8}", context(5));
  fill(*model, 0.4);
  const auto D = tensor(*model, "decoder.weight");
  {
    const at::NoGradGuard no_grad;
    model->project();
  }
  CHECK(at::allclose(D.norm(2, 0), at::ones({8})));
  weighted_sum(model->forward(activity(), {})).backward();
  CHECK((D.grad() * D).sum(0).abs().max().item<double>() < 1e-6 * D.grad().abs().max().item<double>() + 1e-7);
}

TEST_CASE("features that are silent cost nothing, and those that speak what their sum is") {
  auto model = make_readout(ours, "{hidden_dim: 2, sparsity_factor: 3}", context(1));
  const at::NoGradGuard no_grad;
  for (const auto& one : model->parameters()) at::Tensor(one.tensor).zero_();
  model->forward(at::ones({1, 1, 7, 1, 1}), {});
  CHECK(model->penalty().item<double>() == 0);
  tensor(*model, "encoder.bias").fill_(0.5);  // two features, each 0.5 in every bin
  model->forward(at::ones({4, 1, 7, 1, 1}), {});
  CHECK(model->penalty().item<double>() == Approx(3 * (0.5 + 0.5)));
}

TEST_CASE("a stimulus that is not the activity itself is refused") {
  CHECK(refusal_of(
            [] { make_readout(ours, "{hidden_dim: 8}", {.features = {2, 7, 1, 1}, .session = "a", .neurons = 5}); }) ==
        "input_dim: is 5, but there are 5 neurons and 2 channels to make them of\n"
        "  fix: train it on activity, a channel for each neuron: plexiform predict writes such data");
}
