#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <training/optimizer.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>

using Catch::Matchers::ContainsSubstring;
using plexiform::Error;
using plexiform::Json;
using plexiform::Named;
using plexiform::training::clip_grad_norm;
using plexiform::training::make_optimizer;
using plexiform::training::Optimizer;

namespace {

const std::vector<std::vector<int64_t>> shapes = {{3, 4}, {5}, {2, 3}, {3}};

// The parameters and gradients of data/optimizers.py.
at::Tensor phase(int64_t k, double step) {
  const auto& shape = shapes[static_cast<size_t>(k)];
  return (at::arange(1, c10::multiply_integers(shape) + 1, at::kDouble) * step).reshape(shape);
}
std::vector<Named> parameters(at::ScalarType dtype = at::kDouble) {
  std::vector<Named> all;
  for (int64_t k = 0; k < 4; ++k) {
    all.push_back(
        {std::string(1, static_cast<char>('a' + k)), (phase(k, 0.23) + k).cos().to(dtype).set_requires_grad(true)});
  }
  return all;
}
void set_gradients(const std::vector<Named>& all, int64_t s) {
  for (int64_t k = 0; k < 4; ++k) {
    const at::Tensor& p = all[static_cast<size_t>(k)].tensor;
    const bool missing = k == 3 || (k == 2 && s % 3 == 1);
    p.mutable_grad() = missing ? at::Tensor() : (phase(k, 0.31) + 0.7 * s + k).sin().to(p.scalar_type());
  }
}
void run(Optimizer& optimizer, const std::vector<Named>& all, int64_t first, int64_t last) {
  for (int64_t s = first; s <= last; ++s) {
    set_gradients(all, s);
    optimizer.step();
    if (s == 15) optimizer.set_learning_rate(optimizer.learning_rate() / 2);
  }
}

at::Tensor flat(const std::vector<Named>& all) {
  std::vector<at::Tensor> parts;
  for (const auto& p : all) parts.push_back(p.tensor.detach().to(at::kDouble).flatten());
  return at::cat(parts);
}

double largest_error(const std::vector<Named>& all, const Json& expected) {
  const at::Tensor values = flat(all);
  double error = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error = std::max(error, std::abs(values[static_cast<int64_t>(i)].item<double>() - expected[i].get<double>()));
  }
  REQUIRE(values.numel() == static_cast<int64_t>(expected.size()));
  return error;
}

std::vector<Named> one(at::Tensor tensor) { return {{"w", tensor.set_requires_grad(true)}}; }

}  // namespace

TEST_CASE("fifty steps give the parameters that PyTorch's optimisers give") {
  const Json cases = Json::parse(std::ifstream(TEST_DATA "/optimizers.json"));
  REQUIRE(cases.size() == 28);
  for (const auto& example : cases) {
    const bool wide = example["dtype"] == "float64";
    INFO(example["target"] << example["knobs"] << example["dtype"]);
    const auto all = parameters(wide ? at::kDouble : at::kFloat);
    const auto optimizer = make_optimizer(example["target"], example["knobs"], all);
    run(*optimizer, all, 1, 1);
    CHECK(largest_error(all, example["first"]) < (wide ? 1e-14 : 2e-7));
    run(*optimizer, all, 2, 50);
    CHECK(largest_error(all, example["last"]) < (wide ? 1e-12 : 2e-6));
  }
}

TEST_CASE("five steps of LBFGS give the parameters of PyTorch's, also when restored between them") {
  const Json cases = Json::parse(std::ifstream(TEST_DATA "/lbfgs.json"));
  REQUIRE(cases.size() == 2);
  for (const auto& example : cases) {
    INFO(example["knobs"]);
    const auto all = parameters();
    std::unique_ptr<Optimizer> optimizer = make_optimizer("torch.optim.LBFGS", example["knobs"], all);
    auto evaluate = [&] {  // data/optimizers.py
      optimizer->zero_grad();
      at::Tensor loss = at::zeros({}, at::kDouble);
      for (int64_t k = 0; k < 4; ++k) {
        const at::Tensor& p = all[static_cast<size_t>(k)].tensor;
        const at::Tensor goal = (phase(k, 0.31) + k).sin();
        loss = loss + ((p - goal).square() * (1.3 + static_cast<double>(k)) + p.square().square() * 0.1).sum();
      }
      loss.backward();
      return loss.item<double>();
    };
    optimizer->step(evaluate);
    CHECK(largest_error(all, example["first"]) < 1e-10);
    for (int step = 2; step <= 5; ++step) {
      auto state = optimizer->state();
      state.scalars = Json::parse(state.scalars.dump());
      optimizer = make_optimizer("torch.optim.LBFGS", example["knobs"], all);
      optimizer->restore(state);
      optimizer->step(evaluate);
    }
    CHECK(largest_error(all, example["last"]) < 1e-10);
  }
}

TEST_CASE("an optimiser restored in the middle continues to the same bits") {
  const std::pair<const char*, Json> cases[] = {
      {"torch.optim.AdamW", {{"amsgrad", true}}},
      {"torch.optim.SGD", {{"lr", 0.1}, {"momentum", 0.9}, {"dampening", 0.3}}},
      {"torch.optim.SGD", Json::object()},
      {"torch.optim.Adam", {{"weight_decay", 0.1}}},
      {"torch.optim.RMSprop", {{"momentum", 0.9}}},
      {"torch.optim.RMSprop", {{"centered", true}}},
      {"torch.optim.Adagrad", {{"lr_decay", 0.1}}}};
  for (const auto& [target, knobs] : cases) {
    INFO(target);
    const auto whole = parameters(at::kFloat);
    run(*make_optimizer(target, knobs, whole), whole, 1, 30);

    const auto all = parameters(at::kFloat);
    const auto before = make_optimizer(target, knobs, all);
    run(*before, all, 1, 20);
    auto state = before->state();
    for (auto& moment : state.tensors) moment.tensor = moment.tensor.clone();
    state.scalars = Json::parse(state.scalars.dump());
    run(*before, all, 21, 21);  // what happens to the first optimiser no longer matters

    const auto again = parameters(at::kFloat);
    run(*make_optimizer(target, knobs, again), again, 1, 20);
    const auto after = make_optimizer(target, knobs, again);
    after->restore(state);
    run(*after, again, 21, 30);
    CHECK(flat(again).equal(flat(whole)));
  }
}

TEST_CASE("optimiser state is named after parameters, and only of those that had a gradient") {
  const auto all = parameters();
  const auto optimizer = make_optimizer("torch.optim.AdamW", Json::object(), all);
  run(*optimizer, all, 1, 1);  // c and d have no gradient here
  std::string names;
  for (const auto& moment : optimizer->state().tensors) names += moment.name + " ";
  CHECK(names == "a.step a.exp_avg a.exp_avg_sq b.step b.exp_avg b.exp_avg_sq ");
  CHECK(optimizer->state().scalars.dump() == R"({"learning_rate":0.001})");
}

TEST_CASE("an optimiser refuses the state of another model and stays as it was") {
  const auto all = parameters();
  const auto optimizer = make_optimizer("torch.optim.AdamW", Json::object(), all);
  run(*optimizer, all, 1, 1);
  const auto sound = optimizer->state();
  const auto refused = [&](const plexiform::training::OptimizerState& state, const char* reason) {
    CHECK_THROWS_WITH(optimizer->restore(state), ContainsSubstring(reason));
    CHECK(optimizer->state().tensors.size() == sound.tensors.size());
    CHECK(optimizer->state().tensors[1].tensor.equal(sound.tensors[1].tensor));
  };
  auto state = sound;
  state.tensors[0].name = "z.step";
  refused(state, "a: has only a part of its optimiser state");
  state = sound;
  state.tensors.push_back({"z.step", at::zeros({})});
  refused(state, "z.step: belongs to no parameter");
  state = sound;
  state.tensors[1].tensor = at::zeros({4, 3}, at::kDouble);
  refused(state, "a.exp_avg: has another shape or dtype");
  state = sound;
  state.scalars = Json::object();
  refused(state, "learning_rate: is missing");
}

TEST_CASE("a gradient of another memory layout gives the same step") {
  const at::Tensor start = at::arange(6, at::kDouble).reshape({2, 3});
  const at::Tensor gradient = start.sin();
  const auto after_step = [&](const at::Tensor& g) {
    const auto all = one(start.clone());
    all[0].tensor.mutable_grad() = g;
    make_optimizer("torch.optim.AdamW", {{"lr", 0.1}}, all)->step();
    return all[0].tensor.detach();
  };
  CHECK(after_step(gradient.t().contiguous().t()).equal(after_step(gradient)));
}

TEST_CASE("an optimiser takes parameters without elements and models without gradients") {
  const auto empty = one(at::zeros({0, 3}));
  empty[0].tensor.mutable_grad() = at::zeros({0, 3});
  for (const char* target : {"torch.optim.AdamW", "torch.optim.SGD"}) {
    CHECK_NOTHROW(make_optimizer(target, Json::object(), empty)->step());
    CHECK_NOTHROW(make_optimizer(target, Json::object(), parameters())->step());
    CHECK_NOTHROW(make_optimizer(target, Json::object(), {})->step());
  }
}

TEST_CASE("zero_grad takes the gradients away") {
  const auto all = parameters();
  const auto optimizer = make_optimizer("torch.optim.SGD", Json::object(), all);
  set_gradients(all, 1);
  optimizer->zero_grad();
  for (const auto& p : all) CHECK_FALSE(p.tensor.grad().defined());
}

TEST_CASE("gradients are clipped to a common norm") {
  auto all = parameters();
  all.resize(3);
  for (const auto& p : all) p.tensor.mutable_grad() = at::Tensor();
  CHECK(clip_grad_norm(all, 1).item<double>() == 0);
  const auto set = [&] {  // 12 x 1 + 5 x 2^2 + 4 = 36 = 6^2
    all[0].tensor.mutable_grad() = at::full({3, 4}, 1.0, at::kDouble);
    all[1].tensor.mutable_grad() = at::full({5}, -2.0, at::kDouble);
    all[2].tensor.mutable_grad() = at::zeros({2, 3}, at::kDouble);
    all[2].tensor.mutable_grad()[0][0] = 2.0;
  };
  set();
  CHECK(clip_grad_norm(all, 3).item<double>() == 6.0);
  CHECK(all[0].tensor.grad()[0][0].item<double>() == Catch::Approx(0.5).epsilon(1e-6));
  CHECK(all[1].tensor.grad()[0].item<double>() == Catch::Approx(-1.0).epsilon(1e-6));
  set();
  clip_grad_norm(all, 7);
  CHECK(all[1].tensor.grad()[0].item<double>() == -2.0);
}

TEST_CASE("an optimiser's mistakes are refused with the remedy") {
  const auto refused = [](const char* target, const Json& knobs, const char* reason) {
    CHECK_THROWS_WITH(make_optimizer(target, knobs, parameters()), ContainsSubstring(reason));
  };
  refused("torch.optim.Adamw", {}, "did you mean 'torch.optim.AdamW'?");
  refused("torch.optim.AdamW", {{"momentum", 0.9}}, "momentum: no such parameter");
  refused("torch.optim.AdamW", {{"lr", -1}}, "lr: is -1\n  fix: use at least 0");
  refused("torch.optim.AdamW", {{"betas", {0.9, 1.0}}}, "betas: is [0.9,1.0]\n  fix: give two numbers below 1");
  refused("torch.optim.AdamW", {{"betas", {0.9}}}, "betas: is [0.9]");
  refused("torch.optim.SGD", {{"nesterov", true}}, "set momentum above 0");
  CHECK_THROWS_WITH(make_optimizer("torch.optim.SGD", Json::object(), one(at::zeros({4, 4}).slice(1, 0, 2))),
                    ContainsSubstring("w: is a parameter whose memory has gaps"));
  const auto optimizer = make_optimizer("torch.optim.SGD", Json::object(), parameters());
  CHECK_THROWS_AS(optimizer->set_learning_rate(std::nan("")), Error);
}

TEST_CASE("a group of parameters has its own rate and decay, and its rate keeps its ratio") {
  const Json knobs = {{"lr", 0.1}, {"groups", {{"a*", {{"lr", 0.02}}}, {"[ab]", {{"weight_decay", 0.5}}}}}};
  const auto all = parameters();
  const auto grouped = make_optimizer("torch.optim.SGD", knobs, all);
  const auto alone = parameters();  // the same, each by an optimiser of its own
  const auto a = make_optimizer("torch.optim.SGD", {{"lr", 0.02}}, {alone[0]}),
             b = make_optimizer("torch.optim.SGD", {{"lr", 0.1}, {"weight_decay", 0.5}}, {alone[1]}),
             c = make_optimizer("torch.optim.SGD", {{"lr", 0.1}}, {alone[2], alone[3]});
  for (int64_t s = 1; s <= 6; ++s) {
    set_gradients(all, s);
    set_gradients(alone, s);
    for (const auto& optimizer : {&grouped, &a, &b, &c}) (*optimizer)->step();
    if (s == 3) {
      for (const auto& optimizer : {&grouped, &a, &b, &c})
        (*optimizer)->set_learning_rate((*optimizer)->learning_rate() / 2);
    }
  }
  CHECK(flat(all).allclose(flat(alone), 1e-14, 0));
}

TEST_CASE("a group that names no parameter, or a knob that a group has not, is refused with its place") {
  auto refusal = [](const Json& groups) -> std::string {
    try {
      make_optimizer("torch.optim.AdamW", {{"groups", groups}}, parameters());
    } catch (const Error& e) {
      return e.what();
    }
    return "accepted";
  };
  CHECK_THAT(refusal({{"core.*", {{"lr", 0.1}}}}), ContainsSubstring("groups.core.*: matches no parameter"));
  CHECK_THAT(refusal({{"a", {{"rate", 0.1}}}}), ContainsSubstring("groups.a.rate: no such parameter"));
  CHECK_THAT(refusal({{"a", {{"lr", -1}}}}), ContainsSubstring("groups.a.lr: is -1"));
  CHECK_THAT(refusal(3), ContainsSubstring("groups: is 3, not a mapping"));
}
