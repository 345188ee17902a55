#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/rand_like.h>
#include <ATen/ops/randn.h>

#include <catch2/catch_test_macros.hpp>

#include "plugin_file.h"
#include "testing.h"

namespace plexiform::testing {

namespace {

constexpr uint64_t seed = 7;

std::vector<Named> state(Component& component) {
  auto all = component.parameters();
  for (auto& buffer : component.buffers()) all.push_back(buffer);
  return all;
}

std::vector<Named> trainable(Component& component) {
  auto all = component.parameters();
  std::erase_if(all, [](const Named& one) { return !one.tensor.requires_grad(); });
  return all;
}

bool finite(const at::Tensor& x) { return x.isfinite().all().item<bool>(); }

// --- Knobs ---

using Build = std::function<void(const Json& knobs)>;

void check_refused(const Build& build, Json knobs, const std::string& knob, const Json& value) {
  knobs[knob] = value;
  INFO("'" << knob << "' is " << value.dump());
  std::string where = "(accepted)";
  try {
    build(knobs);
  } catch (const Error& e) {
    where = e.where();
    CHECK_FALSE(e.problem().empty());
    CHECK_FALSE(e.fix().empty());
  }
  CHECK(where.substr(0, knob.size()) == knob);
}

// A value just outside the range, as the knob's type wants it: in a list, its first element.
Json in_place(const Json& entry, const Json& given, double value) {
  if (entry["type"].get<std::string>().rfind("list of", 0) != 0) return value;
  Json list = given.is_array() && !given.empty() ? given : Json::array({value});
  list[0] = value;
  return list;
}

void check_knobs(const plexiform_component& component, const Json& knobs, const Build& build) {
  check_refused(build, knobs, "no_such_knob", 1);
  for (const auto& entry : list_knobs(component)) {
    const std::string name = entry["name"], type = entry["type"];
    INFO("knob " << name);
    CHECK_FALSE(entry["doc"].get<std::string>().empty());
    const Json given = knobs.contains(name) ? knobs[name] : entry.value("default", Json());
    if (type != "anything") check_refused(build, knobs, name, {{"not", "a value"}});
    if (entry.contains("choices")) check_refused(build, knobs, name, "no such choice");
    if (entry.contains("min"))
      check_refused(build, knobs, name, in_place(entry, given, entry["min"].get<double>() - 1));
    if (entry.contains("max"))
      check_refused(build, knobs, name, in_place(entry, given, entry["max"].get<double>() + 1));
    if (entry.contains("min") && entry.contains("step") && entry["step"] != 1.0) {
      check_refused(build, knobs, name, in_place(entry, given, entry["min"].get<double>() + 1));
    }
  }
}

// --- State and gradients ---

template <class Make>
auto seeded(const Make& make, uint64_t with = seed) {
  at::manual_seed(with);
  return make();
}

// Away from the start, where zeros lie on the kinks of nonlinearities.
void move_a_little(Component& component) {
  at::NoGradGuard no_grad;
  for (auto& one : state(component)) {
    if (one.tensor.is_floating_point()) one.tensor.add_(at::rand_like(one.tensor), 0.1);
  }
}

template <class Make, class Run>
void check_state(const Make& make, const Run& run) {
  auto first = seeded(make), again = seeded(make), other = seeded(make, seed + 1);
  const auto of_first = state(*first), of_again = state(*again), of_other = state(*other);
  REQUIRE(of_first.size() == of_again.size());
  REQUIRE(of_first.size() == of_other.size());
  {
    INFO("the same seed gives the same bits");
    for (size_t i = 0; i < of_first.size(); ++i) {
      INFO(of_first[i].name);
      CHECK(of_first[i].name == of_again[i].name);
      CHECK(at::equal(of_first[i].tensor, of_again[i].tensor));
    }
  }
  again->to(at::kCPU, at::kDouble);
  for (const auto& one : state(*again)) {
    INFO("after to(float64): " << one.name << " is " << one.tensor.scalar_type());
    CHECK((one.tensor.scalar_type() == at::kDouble || !one.tensor.is_floating_point()));
  }
  at::NoGradGuard no_grad;
  move_a_little(*first);
  first->project();
  const auto projected = state(*first);
  std::vector<at::Tensor> before;
  for (const auto& one : projected) before.push_back(one.tensor.clone());
  first->project();
  for (size_t i = 0; i < projected.size(); ++i) {
    INFO("project() twice moves " << projected[i].name);
    CHECK(at::allclose(projected[i].tensor, before[i], 1e-5, 1e-7));
  }
  for (size_t i = 0; i < of_first.size(); ++i) of_other[i].tensor.copy_(of_first[i].tensor);
  first->train(false);
  other->train(false);
  INFO("parameters and buffers copied to another instance give its outputs");
  CHECK(at::equal(run(*first), run(*other)));
}

// Finite gradients in float32, then gradients against finite differences in float64. `input` is
// what `run` runs on.
template <class Make, class Run>
void check_component_gradients(const Make& make, const Run& run, at::Tensor& input) {
  auto component = seeded(make);
  auto value = [&] {
    const auto output = weighted_sum(run(*component));
    const auto penalty = component->penalty();
    return penalty.defined() ? output + penalty : output;
  };
  auto leaves = [&] {
    auto all = trainable(*component);
    all.push_back({"input", input.requires_grad_(true)});
    return all;
  };
  double total = 0;
  const std::vector<Named> in_float = leaves();
  value().backward();
  for (const Named& leaf : in_float) {
    INFO("gradient of " << leaf.name);
    const at::Tensor gradient = leaf.tensor.grad();
    REQUIRE(gradient.defined());
    CHECK(finite(gradient));
    total += gradient.abs().sum().item<double>();
  }
  CHECK(total > 0);

  component = seeded(make);
  component->train(false);  // no dropout
  component->to(at::kCPU, at::kDouble);
  move_a_little(*component);
  input = input.detach().to(at::kDouble);
  check_gradients(value, leaves());
}

// --- Cores ---

struct CoreUnderTest {
  std::string name, compat, plugin;
  Json knobs;

  std::shared_ptr<Core> make(const Shape& stimulus) const {
    return make_core(name, knobs.dump(), stimulus, compat, plugin);
  }
};

std::vector<int64_t> sizes(int64_t batch, const Shape& s) { return {batch, s.channels, s.time, s.height, s.width}; }

at::Tensor stimulus(int64_t batch, const Shape& shape) { return at::randn(sizes(batch, shape)); }

void check_shape(Core& core, const Shape& shape, int64_t batch) {
  INFO("stimulus " << shape.text() << ", batch " << batch);
  const auto x = stimulus(batch, shape), copy = x.clone();
  const auto y = core.forward(x, {});
  CHECK(y.sizes().vec() == sizes(batch, core.output_shape(shape)));
  CHECK(finite(y));
  CHECK(at::equal(x, copy));  // not written
}

// Changes one bin of the stimulus and looks at which output bins change. Output bin j belongs to
// stimulus bin j + T - T'.
void check_what_a_bin_sees(Core& core, const Shape& shape) {
  core.train(false);
  core.to(at::kCPU, at::kDouble);  // new weights can be tiny
  const auto temporal = core.temporal();
  const auto x = stimulus(1, shape).to(at::kDouble);
  const auto y = core.forward(x, {});
  const int64_t lag = shape.time - y.size(2);
  const double noise = 1e-12 * y.abs().max().item<double>();
  bool sees_later = false;
  for (const int64_t bin : {int64_t{0}, shape.time / 2, shape.time - 1}) {
    auto changed = x.clone();
    changed.select(2, bin).add_(1);
    const auto moved = (core.forward(changed, {}) - y).abs().amax({0, 1, 3, 4});  // (T')
    for (int64_t j = 0; j < moved.size(0); ++j) {
      if (moved[j].item<double>() <= noise) continue;
      const int64_t age = j + lag - bin;  // of the changed bin, seen from the output bin
      INFO("stimulus bin " << bin << " moves the output of bin " << j + lag << "; declared history "
                           << temporal.history);
      CHECK(age <= temporal.history);
      sees_later = sees_later || age < 0;
    }
  }
  INFO("declared causal: " << temporal.causal);
  CHECK(sees_later == !temporal.causal);
}

void check_samples_apart(const std::function<at::Tensor(const at::Tensor&)>& run, const at::Tensor& two) {
  INFO("samples of a batch do not see each other");
  const auto together = run(two), apart = at::cat({run(two.slice(0, 0, 1)), run(two.slice(0, 1, 2))});
  CHECK(at::allclose(together, apart, 1e-4, 1e-5));
}

}  // namespace

void check_gradients(const std::function<at::Tensor()>& value, const std::vector<Named>& leaves) {
  for (const auto& leaf : leaves) leaf.tensor.mutable_grad().reset();
  value().backward();
  at::NoGradGuard no_grad;
  int64_t smooth = 0, kinks = 0;
  for (const auto& [name, leaf] : leaves) {
    if (!leaf.grad().defined()) continue;
    auto elements = leaf.view({-1});
    const auto gradient = leaf.grad().reshape({-1});
    const double allowed = 1e-6 * (gradient.abs().max().item<double>() + 1e-3);
    const int64_t n = elements.numel(), stride = std::max<int64_t>(1, n / 6);
    for (int64_t i = 0; i < n; i += stride) {
      const double x = elements[i].item<double>();
      auto at_x = [&](double shifted) {
        elements[i].fill_(shifted);
        return value().item<double>();
      };
      auto slope = [&](double h) { return (at_x(x + h) - at_x(x - h)) / (2 * h); };
      const double step = 1e-5 * std::max(1.0, std::abs(x)), numeric = slope(step), closer = slope(step / 4);
      elements[i].fill_(x);
      if (std::abs(numeric - closer) > allowed) {  // a maximum changes hands, or a |x| passes 0
        ++kinks;
        continue;
      }
      ++smooth;
      const double analytic = gradient[i].item<double>();
      INFO("d/d " << name << "[" << i << "]: autograd " << analytic << ", finite difference " << numeric);
      CHECK(std::abs(analytic - numeric) <= allowed);
    }
  }
  INFO(kinks << " of " << smooth + kinks << " differences straddle a kink");
  CHECK(smooth > kinks);
}

void check_core_contract(const std::string& name, const std::string& knobs, const Shape& shape,
                         const std::string& compat, const std::string& plugin) {
  INFO(name << " " << knobs);
  const auto& component = find_component(plugin, name);
  const CoreUnderTest test = {name, compat, plugin, knobs_from_yaml(knobs)};
  auto make = [&] { return test.make(shape); };

  check_knobs(component, test.knobs, [&](const Json& other) {
    const CoreContext context = {shape, compat};
    std::shared_ptr<Core> core;
    create(component, other, &context, &core);
  });

  auto core = seeded(make);
  check_shape(*core, shape, 1);
  check_shape(*core, {shape.channels, shape.time + 3, shape.height, shape.width}, 2);
  const Shape taller = {shape.channels, shape.time + 1, shape.height + 2, shape.width},
              wider = {shape.channels, shape.time, shape.height, shape.width + 3};
  check_shape(*test.make(taller), taller, 3);
  check_shape(*test.make(wider), wider, 1);
  CHECK_THROWS_AS(core->output_shape({shape.channels + 1, shape.time, shape.height, shape.width}), Error);

  check_what_a_bin_sees(*seeded(make), shape);
  core->train(false);
  auto run = [&](const at::Tensor& x) { return core->forward(x, {}); };
  check_samples_apart(run, stimulus(2, shape));
  at::manual_seed(seed);
  auto x = stimulus(2, shape);
  auto on_x = [&](Core& other) { return other.forward(x, {}); };
  check_state(make, on_x);
  check_component_gradients(make, on_x, x);
}

void check_readout_contract(const std::string& name, const std::string& knobs, const ReadoutContext& context,
                            const std::string& plugin) {
  INFO(name << " " << knobs);
  const auto& component = find_component(plugin, name);
  const Json values = knobs_from_yaml(knobs);
  auto build = [&](const Json& other) {
    std::shared_ptr<Readout> readout;
    create(component, other, &context, &readout);
    return readout;
  };
  auto make = [&] { return build(values); };
  check_knobs(component, values, build);

  auto readout = seeded(make);
  const Shape& shape = context.features;
  for (const int64_t more : {0, 3}) {
    const Shape longer = {shape.channels, shape.time + more, shape.height, shape.width};
    INFO("features " << longer.text());
    const auto x = stimulus(2, longer), copy = x.clone();
    const auto rate = readout->forward(x, {});
    CHECK(rate.sizes().vec() == std::vector<int64_t>{2, longer.time, context.neurons});
    CHECK(finite(rate));
    CHECK(at::equal(x, copy));  // not written
  }
  readout->train(false);
  check_samples_apart([&](const at::Tensor& x) { return readout->forward(x, {}); }, stimulus(2, shape));
  at::manual_seed(seed);
  auto x = stimulus(2, shape);
  auto on_x = [&](Readout& other) { return other.forward(x, {}); };
  check_state(make, on_x);
  check_component_gradients(make, on_x, x);
}

void check_loss_contract(const std::string& name, const std::string& knobs, const std::string& compat,
                         const std::string& plugin) {
  INFO(name << " " << knobs);
  const auto& component = find_component(plugin, name);
  const Json values = knobs_from_yaml(knobs);
  const LossContext context = {compat};
  auto build = [&](const Json& other) {
    std::shared_ptr<Loss> loss;
    create(component, other, &context, &loss);
    return loss;
  };
  auto make = [&] { return build(values); };
  check_knobs(component, values, build);

  constexpr int64_t B = 2, T = 9, N = 3, lag = 4;
  auto loss = seeded(make);
  const auto rate = at::rand({B, T - lag, N}) + 0.1, target = at::rand({B, T, N}) * 2;
  const auto value = loss->forward(rate, target);
  CHECK((value.dim() == 0 || value.sizes() == at::IntArrayRef{N}));
  CHECK(finite(value));

  auto with = [&](int64_t from, int64_t to) {  // the loss when these bins of the target are others
    auto other = target.clone();
    other.slice(1, from, to).add_(at::rand_like(other.slice(1, from, to)));
    return loss->forward(rate, other);
  };
  CHECK(at::equal(with(0, lag), value));  // dropped
  CHECK_FALSE(at::allclose(with(lag, lag + 1), value));
  CHECK_FALSE(at::allclose(with(T - 1, T), value));

  CHECK_THROWS_AS(loss->forward(rate.slice(2, 0, 1), target), Error);  // one neuron: a broadcast
  CHECK_THROWS_AS(loss->forward(rate, target.slice(2, 0, 1)), Error);
  CHECK_THROWS_AS(loss->forward(rate.slice(0, 0, 1), target), Error);  // one sample
  CHECK_THROWS_AS(loss->forward(rate, target.slice(1, 0, T - lag - 1)),
                  Error);  // fewer bins than predicted
  CHECK_THROWS_AS(loss->forward(rate.select(2, 0), target.select(2, 0)), Error);

  const auto twice = loss->forward(at::cat({rate, rate}), at::cat({target, target}));
  const double factor = loss->reduction() == Reduction::mean ? 1 : 2;
  CHECK(at::allclose(twice, value * factor, 1e-4, 1e-6));

  at::manual_seed(seed);
  auto x = at::rand({B, T - lag, N}) + 0.1;
  auto on_x = [&](Loss& other) { return other.forward(x, target.to(x.scalar_type())); };
  check_state(make, on_x);
  check_component_gradients(make, on_x, x);
}

}  // namespace plexiform::testing
