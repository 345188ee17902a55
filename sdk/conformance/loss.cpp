// What loss.h promises.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/tensor.h>

#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

namespace {

constexpr int64_t B = 2, T = loss_bins, N = neurons;

struct Pair {
  at::Tensor prediction, target;
};
Pair pair() {
  const auto prediction = at::rand({B, T - lag, N}) + 0.1;
  return {prediction, target(prediction)};
}

// What the host minimises: the mean over neurons where there is one value for each.
double scalar(const Specimen& specimen, const at::Tensor& prediction, const at::Tensor& target) {
  return specimen.compare(prediction, target).mean().item<double>();
}

void output_shape(const Specimen& specimen) {
  const auto p = pair();
  const auto value = specimen.compare(p.prediction, p.target);
  expect(value.dim() == 0 || value.sizes() == at::IntArrayRef{N},
         str("for ", N, " neurons, a loss of shape ", value.sizes()));
}

void alignment(const Specimen& specimen) {
  const auto p = pair();
  const double before = scalar(specimen, p.prediction, p.target);
  const auto with_bin = [&](int64_t bin) {  // the loss when this bin of the target is another
    auto other = p.target.clone();
    const auto drawn = at::rand({B, N});
    other.select(1, bin).add_(drawn + 0.5);
    return scalar(specimen, p.prediction, other);
  };
  for (int64_t bin = 0; bin < lag; ++bin) {
    expect(with_bin(bin) == before, str("bin ", bin, " of the target changes the loss: with ", T - lag,
                                        " predicted of ", T, " bins, the first ", lag, " have no prediction"));
  }
  for (int64_t bin = lag; bin < T; ++bin) {
    expect(with_bin(bin) != before, str("bin ", bin, " of the target does not change the loss: with ", T - lag,
                                        " predicted of ", T, " bins, it is compared"));
  }
}

void misfits(const Specimen& specimen) {
  const auto [x, y] = pair();
  const Pair wrong[] = {{x.slice(2, 0, 1), y}, {x, y.slice(2, 0, 1)},           {x.slice(0, 0, 1), y},
                        {x, y.slice(0, 0, 1)}, {x, y.slice(1, 0, T - lag - 1)}, {x.select(2, 0), y.select(2, 0)}};
  for (const auto& [prediction, target] : wrong) {
    const auto shapes = str("a prediction ", prediction.sizes(), " with a target ", target.sizes());
    try {
      specimen.compare(prediction, target);
    } catch (const Error&) {
      continue;
    } catch (const std::exception& e) {
      throw Broken{shapes + " is refused, but not with Error: " + std::string(e.what()).substr(0, 200)};
    }
    throw Broken{shapes + " is accepted: a broadcast hides wrong data"};
  }
}

void expect_scaled(double twice, double once, double factor, const std::string& what) {
  expect(std::abs(twice - factor * once) <= 1e-4 * std::abs(once) + 1e-6,
         str(what, " turns the loss from ", once, " into ", twice));
}

void reduction(const Specimen& specimen) {
  specimen->train(false);
  const auto [x, y] = pair();
  const bool mean = specimen.loss().reduction() == Reduction::mean;
  const double once = scalar(specimen, x, y);
  expect_scaled(scalar(specimen, at::cat({x, x}), at::cat({y, y})), once, mean ? 1 : 2,
                str("declared a ", mean ? "mean" : "sum", ", but the same batch twice"));
  if (!mean) return;
  const auto compared = y.slice(1, lag);
  const double alone = scalar(specimen, x, compared);
  expect_scaled(scalar(specimen, at::cat({x, x}, 1), at::cat({compared, compared}, 1)), alone, 1,
                "declared a mean, but the same clip twice in a row");
  if (specimen.of_session()) return;  // whose neurons are as many as they are
  expect_scaled(scalar(specimen, at::cat({x, x}, 2), at::cat({y, y}, 2)), once, 1,
                "declared a mean, but each neuron twice");
}

void permutation(const Subject& subject) {
  const Specimen specimen(subject);
  specimen->train(false);
  const auto [x, y] = pair();
  const auto order = at::tensor({2, 0, 1}, at::kLong);
  const auto value = specimen.loss().forward(x, y);
  const auto permuted = specimen.loss().forward(x.index_select(2, order), y.index_select(2, order));
  const auto expected = value.dim() == 0 ? value : value.index_select(0, order);
  expect(agree(permuted, expected, 1e-5),
         str("neurons in another order change the loss by ", distance(permuted, expected)));
}

}  // namespace

Checks loss_checks() {
  return {
      {"output shape", "a scalar, or one value per neuron", "plexiform/loss.h, Loss::forward",
       in_each_use<&output_shape>},
      {"alignment", "prediction and target end at the same bin", "plexiform/align.h, aligned", in_each_use<&alignment>},
      {"misfits", "Error for a prediction and a target that do not fit", "plexiform/align.h, aligned",
       in_each_use<&misfits>},
      {"reduction",
       "a mean does not change with the size of the batch, of the clip and of the population; a sum doubles with "
       "the batch",
       "plexiform/loss.h, Loss::reduction", in_each_use<&reduction>},
      {"neuron order", "the order of neurons does not matter", "plexiform/loss.h, Loss::forward", &permutation},
  };
}

}  // namespace plexiform::conformance
