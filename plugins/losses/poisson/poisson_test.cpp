#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <plexiform/abilities.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

using namespace plexiform::testing;
using Catch::Approx;

namespace {

const std::string ours = "plexiform.losses.Poisson", theirs = "openretina.modules.losses.poisson.PoissonLoss3d",
                  sparse = "openretina.modules.losses.poisson.L1PoissonLoss3d",
                  by_type = "openretina.modules.losses.poisson.CelltypePoissonLoss3d";

at::Tensor rates(std::vector<double> values) { return at::tensor(values).view({1, -1, 1}); }

// One session of three neurons, of types 1, 2, 1.
plexiform::LossContext typed() {
  plexiform::LossContext context;
  context.sessions = {{"a", 3, {{"group_assignment", at::tensor({1, 2, 1})}}}};
  return context;
}

at::Tensor rate() { return 0.4 * wave({2, 20, 3}) + 1; }
at::Tensor recorded() { return wave({2, 26, 3}).abs() + 0.1; }

at::Tensor of_session(plexiform::Loss& loss, const at::Tensor& prediction, const at::Tensor& target,
                      const std::string& session = "a") {
  auto* session_loss = plexiform::ability<plexiform::SessionLoss>(loss);
  REQUIRE(session_loss);
  return session_loss->forward(prediction, target, plexiform::Given(session));
}

}  // namespace

TEST_CASE("the mean, per-neuron and summed Poisson losses keep the loss contract") {
  check_loss_contract(ours, "{}");
  check_loss_contract(ours, "{per_neuron: true}");
  check_loss_contract(theirs, "{}");
  check_loss_contract(ours, "{gamma_l1: 0.3}");
  check_loss_contract(by_type, "{}");
}

TEST_CASE("a rate of 1 costs 1, whatever was recorded") {  // 1 - y ln 1
  CHECK(make_loss(ours, "{}")->forward(rates({1, 1}), rates({0, 5})).item<double>() == Approx(1));
}

TEST_CASE("a rate of e costs e minus the recorded count") {
  const double e = std::exp(1.0);
  CHECK(make_loss(ours, "{}")->forward(rates({e}), rates({2})).item<double>() == Approx(e - 2));
}

TEST_CASE("openretina's name sums where ours averages") {
  const auto rate = rates({1, 1, 1, 1}), target = rates({0, 1, 2, 3});
  CHECK(make_loss(ours, "{}")->forward(rate, target).item<double>() == Approx(1));
  CHECK(make_loss(theirs, "{}")->forward(rate, target).item<double>() == Approx(4));
}

TEST_CASE("a rate of 0 where a spike was recorded is dear, not infinite") {
  const auto loss = make_loss(ours, "{}")->forward(rates({0}), rates({1})).item<double>();
  CHECK(loss == Approx(-std::log(1e-8)));
}

TEST_CASE("a prediction for one neuron is not spread over three") {
  const auto one = wave({2, 5, 1}), three = wave({2, 5, 3});
  CHECK_THROWS_WITH(make_loss(ours, "{}")->forward(one, three),
                    "a prediction of shape (2, 5, 1) cannot be compared with a target of (2, 5, 3)\n"
                    "  fix: give both (batch, time, neurons) with the same batch and neurons, and no more "
                    "predicted "
                    "bins than recorded");
}

TEST_CASE("the Poisson loss has openretina's numbers") {
  const auto rate = 0.4 * wave({2, 20, 3}) + 1, target = wave({2, 26, 3}).abs() + 0.1;
  check_golden("Poisson sum", make_loss(theirs, "{}")->forward(rate, target));
  check_golden("Poisson avg", make_loss(theirs, "{avg: true}")->forward(rate, target));
  check_golden("Poisson per_neuron", make_loss(theirs, "{per_neuron: true}")->forward(rate, target));
}

TEST_CASE("the sparse Poisson loss has openretina's numbers") {
  check_golden("L1 sum", make_loss(sparse, "{}")->forward(rate(), recorded()));
  check_golden("L1 avg", make_loss(sparse, "{avg: true, gamma_l1: 0.1}")->forward(rate(), recorded()));
  check_golden("L1 per_neuron", make_loss(sparse, "{per_neuron: true, gamma_l1: 0.1}")->forward(rate(), recorded()));
  auto leaf = rate().requires_grad_(true);
  make_loss(sparse, "{gamma_l1: 0.1}")->forward(leaf, recorded()).backward();
  check_golden("L1 gradient", leaf.grad(), 1e-4);
}

TEST_CASE("the Poisson loss by cell type has openretina's numbers") {
  auto loss = make_loss(by_type, "{group_counts: [2, 3]}", typed());
  auto leaf = rate().requires_grad_(true);
  const auto value = of_session(*loss, leaf, recorded());
  check_golden("cell types sum", value);
  value.backward();
  check_golden("cell types gradient", leaf.grad(), 1e-4);
  auto mean =
      make_loss("openretina.modules.measures.CelltypePoissonLoss3d", "{group_counts: [2, 3], avg: true}", typed());
  check_golden("measures cell types", of_session(*mean, rate(), recorded()));
  auto single = make_loss(by_type, "{group_counts: [2, 3], per_neuron: true}", typed());
  check_golden("cell types per_neuron", of_session(*single, rate(), recorded()));
  auto standard = make_loss("openretina.modules.measures.StandardPoissonLoss3d", "{avg: true}");
  check_golden("measures standard", standard->forward(rate(), recorded()));
}

TEST_CASE("each cell type counts the same, over all sessions") {
  plexiform::LossContext two;
  two.sessions = {{"a", 3, {{"kind", at::tensor({5, 9, 5})}}}, {"b", 1, {{"kind", at::tensor({5})}}}};  // 5: 3, 9: 1
  auto loss = make_loss(ours, "{cell_types: kind, avg: false, bias: 0}", two);
  const auto ones = at::tensor({1.0f, 1.0f, 1.0f}).view({1, 1, 3});  // a rate of 1 costs 1
  CHECK(of_session(*loss, ones, ones, "a").item<double>() == Approx(2 * (2.0 / 3) + 1 * 2));
  CHECK(of_session(*loss, rates({1}), rates({1}), "b").item<double>() == Approx(2.0 / 3));
}

TEST_CASE("cell types that the data do not hold, or whose count is not given, are refused") {
  auto refusal = [](const std::string& knobs) { return refusal_of([&] { make_loss(ours, knobs, typed()); }); };
  CHECK(refusal("{cell_types: celltypes}") ==
        "cell_types: the data of session 'a' have no 'celltypes'\n"
        "  fix: store it as session_info/celltypes, one whole number per neuron");
  CHECK(refusal("{cell_types: group_assignment, group_counts: [4]}")
            .find("group_counts: has no count of type 2, which session 'a' has") == 0);
}
