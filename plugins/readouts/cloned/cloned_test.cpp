#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/tensordot.h>
#include <plexiform/abilities.h>
#include <testing.h>

#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using plexiform::ReadoutContext;

namespace {

const std::string ours = "plexiform.readouts.Cloned", theirs = "openretina.modules.readout.base.ClonedReadout";

// Three neurons that see the sum of all features times a weight of their own, and need two earlier bins.
struct First final : plexiform::Readout, plexiform::LooksBack {
  at::Tensor forward(const at::Tensor& x, const plexiform::Given&) override {
    return x.sum(at::IntArrayRef{1, 3, 4}).slice(1, 2).unsqueeze(2) * weight;
  }
  std::vector<plexiform::Named> parameters() override { return {{"weight", weight}}; }
  std::vector<plexiform::Named> buffers() override { return {}; }
  void train(bool) override {}
  void to(at::Device, at::ScalarType dtype) override { weight.set_data(weight.to(dtype)); }
  at::Tensor penalty() override { return weight.square().sum(); }
  int64_t history() const override { return 2; }
  void* ability(std::string_view name) override {
    return name == LooksBack::name ? static_cast<LooksBack*>(this) : nullptr;
  }

  at::Tensor weight = at::tensor({1.0f, 2.0f, 3.0f}).requires_grad_(true);
};

// A weighted sum, of which it says so; of single frames, too, from the second on.
struct Linear final : plexiform::Readout, plexiform::LinearDrive, plexiform::Streaming, plexiform::Taps {
  at::Tensor drive(const at::Tensor& x) { return at::tensordot(x, weights(), {1, 3, 4}, {1, 2, 3}) + offsets(); }
  at::Tensor forward(const at::Tensor& x, const plexiform::Given& given) override { return rates(drive(x), given); }
  at::Tensor weights() override { return wave({3, 2, 4, 4}); }
  at::Tensor offsets() override { return at::tensor({1.0f, 0.0f, -1.0f}); }
  at::Tensor rates(const at::Tensor& drive, const plexiform::Given&) override { return drive.square(); }
  void start(int64_t) override { frames = 0; }
  at::Tensor step(const at::Tensor& frame, const plexiform::Given& given) override {
    return frames++ == 0 ? at::Tensor() : forward(frame.unsqueeze(2), given).select(1, 0);
  }
  std::vector<plexiform::Named> taps(const at::Tensor& x, const plexiform::Given& given) override {
    return {{"rates", forward(x, given)}};
  }
  std::vector<plexiform::Named> parameters() override { return {}; }
  std::vector<plexiform::Named> buffers() override { return {}; }
  void train(bool) override {}
  void to(at::Device, at::ScalarType) override {}
  at::Tensor penalty() override { return {}; }
  void* ability(std::string_view name) override {
    return plexiform::offer<plexiform::LinearDrive, plexiform::Streaming, plexiform::Taps>(*this, name);
  }

  int frames = 0;
};

ReadoutContext context(const std::shared_ptr<plexiform::Readout>& first) {
  ReadoutContext second = {.features = {2, 6, 4, 4}, .session = "b", .neurons = 3, .mean_activity = {}, .compat = ""};
  second.first = first;
  return second;
}

at::Tensor features() { return wave({2, 2, 6, 4, 4}); }

}  // namespace

TEST_CASE("the clone keeps the readout contract") {
  check_readout_contract(ours, "{}", context(nullptr));
  check_readout_contract(theirs, "{}", context(nullptr));
}

TEST_CASE("a clone is the first session's readout until it is trained, and then that rescaled") {
  auto first = std::make_shared<First>();
  auto clone = make_readout(ours, "{}", context(first));
  const auto original = first->forward(features(), {});
  CHECK(at::allclose(clone->forward(features(), {}), original));
  at::NoGradGuard no_grad;
  tensor(*clone, "alpha").copy_(at::tensor({2.0f, 0.5f, 1.0f}));
  tensor(*clone, "beta").copy_(at::tensor({0.0f, 0.0f, 7.0f}));
  const auto rates = clone->forward(features(), {});
  CHECK(at::allclose(rates.select(2, 0), 2 * original.select(2, 0)));
  CHECK(at::allclose(rates.select(2, 1), 0.5 * original.select(2, 1)));
  CHECK(at::allclose(rates.select(2, 2), original.select(2, 2) + 7));
}

TEST_CASE("a clone trains the first session's parameters, lists its own, and is regularised like it") {
  auto first = std::make_shared<First>();
  auto clone = make_readout(ours, "{}", context(first));
  std::vector<std::string> names;
  for (const auto& [name, parameter] : clone->parameters()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"alpha", "beta"});
  (clone->forward(features(), {}).sum() + clone->penalty()).backward();
  CHECK(first->weight.grad().abs().min().item<double>() > 0);
  CHECK(clone->penalty().item<double>() == 14);  // 1 + 4 + 9
  CHECK(plexiform::ability<plexiform::LooksBack>(*clone)->history() == 2);
}

TEST_CASE("what a clone can beside forward is rescaled as its rates are") {
  auto first = std::make_shared<Linear>();
  auto clone = make_readout(ours, "{}", context(first));
  at::NoGradGuard no_grad;
  tensor(*clone, "alpha").copy_(at::tensor({2.0f, 0.5f, 1.0f}));
  tensor(*clone, "beta").copy_(at::tensor({0.0f, 0.0f, 7.0f}));
  const auto rates = clone->forward(features(), {});
  auto* linear = plexiform::ability<plexiform::LinearDrive>(*clone);
  REQUIRE(linear != nullptr);
  CHECK(at::equal(linear->weights(), first->weights()));
  CHECK(at::equal(linear->offsets(), first->offsets()));
  CHECK(at::allclose(linear->rates(first->drive(features()), {}), rates));
  auto* streaming = plexiform::ability<plexiform::Streaming>(*clone);
  REQUIRE(streaming != nullptr);
  streaming->start(2);
  CHECK_FALSE(streaming->step(features().select(2, 0), {}).defined());  // the first's ring is empty
  CHECK(at::allclose(streaming->step(features().select(2, 1), {}), rates.select(1, 1)));
  auto* taps = plexiform::ability<plexiform::Taps>(*clone);
  REQUIRE(taps != nullptr);
  const auto all = taps->taps(features(), {});
  REQUIRE(all.size() == 2);
  CHECK(at::allclose(all.front().tensor, first->forward(features(), {})));
  CHECK(at::allclose(all.back().tensor, rates));

  auto without = make_readout(ours, "{}", context(std::make_shared<First>()));
  CHECK(plexiform::ability<plexiform::LinearDrive>(*without) == nullptr);
  CHECK(plexiform::ability<plexiform::Streaming>(*without) == nullptr);
  CHECK(plexiform::ability<plexiform::Taps>(*without) == nullptr);
}

TEST_CASE("our clone keeps rates positive, openretina's does not") {
  for (const std::string name : {ours, theirs}) {
    auto clone = make_readout(name, "{}", context(std::make_shared<First>()));
    at::NoGradGuard no_grad;
    tensor(*clone, "alpha").fill_(-1);
    tensor(*clone, "beta").fill_(-1);
    clone->project();
    CHECK(tensor(*clone, "alpha").eq(name == ours ? 0 : -1).all().item<bool>());
    CHECK(tensor(*clone, "beta").eq(name == ours ? 0 : -1).all().item<bool>());
  }
}

TEST_CASE("a clone of nothing, or of other neurons, is refused") {
  auto refusal = [](const ReadoutContext& with) {
    return refusal_of([&] { make_readout(ours, "{}", with)->forward(features(), {}); });
  };
  auto more = context(std::make_shared<First>());
  more.neurons = 4;
  auto more_linear = context(std::make_shared<Linear>());
  more_linear.neurons = 4;
  auto linear = make_readout(ours, "{}", more_linear);
  CHECK(refusal_of([&] { plexiform::ability<plexiform::LinearDrive>(*linear)->weights(); }) == refusal(more));
  CHECK(refusal(context(nullptr)) ==
        "has no readout to take over\n"
        "  fix: name it under model.clone: the first session then has the readout of model.readout");
  CHECK(refusal(more) ==
        "takes over 3 neurons for a session of 4\n"
        "  fix: clone only between recordings of the same neurons, in the same order");
}
