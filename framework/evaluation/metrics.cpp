#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/where.h>
#include <evaluation/metrics.h>
#include <fmt/format.h>
#include <plexiform/error.h>

#include <limits>

namespace plexiform::evaluation {

namespace {

constexpr double epsilon = 1e-8;
constexpr double smallest_variance = 1e-9;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

at::Tensor wide(const at::Tensor& x) { return x.detach().to(at::kCPU, at::kDouble); }

std::string shape(const at::Tensor& x) { return fmt::format("({})", fmt::join(x.sizes(), ", ")); }

void check_series(const at::Tensor& x, const char* name) {
  if (!x.defined() || x.dim() != 2 || x.size(0) < 2) {
    throw Error(name, x.defined() ? "has shape " + shape(x) : "is undefined",
                "give (time bins, neurons), at least 2 bins");
  }
}

void check_same(const at::Tensor& a, const char* name, const at::Tensor& b) {
  check_series(a, name);
  check_series(b, "responses");
  if (a.sizes() != b.sizes()) {
    throw Error(name, "has shape " + shape(a) + ", the responses have " + shape(b),
                "drop the responses' first bins, those without a prediction");
  }
}

void check_repeats(const at::Tensor& repeats) {
  if (!repeats.defined() || repeats.dim() != 3 || repeats.size(0) < 2 || repeats.size(1) < 2) {
    throw Error("repeats", repeats.defined() ? "have shape " + shape(repeats) : "are undefined",
                "give (repeats, time bins, neurons), at least 2 repeats of 2 bins");
  }
}

void check_repeats(const at::Tensor& prediction, const at::Tensor& repeats) {
  check_repeats(repeats);
  check_same(prediction, "prediction", repeats[0]);
}

at::Tensor variance(const at::Tensor& x, at::IntArrayRef axes) { return x.var(axes, 1); }

// mean_rt (y - p)^2
at::Tensor error_to_repeats(const at::Tensor& prediction, const at::Tensor& repeats) {
  return (repeats - prediction).square().mean({0, 1});
}

}  // namespace

at::Tensor correlation(const at::Tensor& a, const at::Tensor& b) {
  check_same(a, "prediction", b);
  const auto z = [](const at::Tensor& x) { return (x - x.mean(0)) / (x.std(0, false) + epsilon); };
  return (z(wide(a)) * z(wide(b))).mean(0);
}

at::Tensor single_trial_correlation(const at::Tensor& prediction, const at::Tensor& repeats) {
  check_repeats(prediction, repeats);
  at::Tensor sum = correlation(prediction, repeats[0]);
  for (int64_t r = 1; r < repeats.size(0); ++r) sum += correlation(prediction, repeats[r]);
  return sum / repeats.size(0);
}

at::Tensor mean_squared_error(const at::Tensor& prediction, const at::Tensor& average) {
  check_same(prediction, "prediction", average);
  return (wide(prediction) - wide(average)).square().mean(0);
}

at::Tensor poisson_loss(const at::Tensor& prediction, const at::Tensor& average) {
  check_same(prediction, "prediction", average);
  const at::Tensor p = wide(prediction);
  return (p - wide(average) * (p + epsilon).log()).mean(0);
}

Variances variances(const at::Tensor& repeats) {
  check_repeats(repeats);
  const at::Tensor y = wide(repeats);
  Variances v;
  v.total = variance(y, {0, 1});
  v.noise = variance(y, 0).mean(0);
  v.explainable = (v.total - v.noise).clamp_min(smallest_variance);
  v.ratio = v.explainable / (v.total + smallest_variance);
  return v;
}

at::Tensor feve_unclipped(const at::Tensor& prediction, const at::Tensor& repeats) {
  check_repeats(prediction, repeats);
  const Variances v = variances(repeats);
  const at::Tensor error = error_to_repeats(wide(prediction), wide(repeats));
  return 1 - (error - v.noise) / (v.total - v.noise);
}

at::Tensor feve(const at::Tensor& prediction, const at::Tensor& repeats) {
  check_repeats(prediction, repeats);
  const Variances v = variances(repeats);
  const at::Tensor noise = v.explainable / v.ratio - v.explainable;
  const at::Tensor error = error_to_repeats(wide(prediction), wide(repeats));
  return (1 - (error - noise).clamp_min(0) / v.explainable).clamp_min(0);
}

at::Tensor jackknife_oracle(const at::Tensor& repeats) {
  check_repeats(repeats);
  const at::Tensor y = wide(repeats);
  const at::Tensor others = (y.sum(0) - y) / (y.size(0) - 1);
  return correlation(others.flatten(0, 1), y.flatten(0, 1));
}

at::Tensor noise_ceiling(const at::Tensor& repeats) {
  check_repeats(repeats);
  const at::Tensor y = wide(repeats);
  const double count = static_cast<double>(y.size(0));
  const at::Tensor average = variance(y.mean(0), 0);
  const at::Tensor signal = (count * average - variance(y, 1).mean(0)) / (count - 1);
  const at::Tensor share = signal / average;
  return at::where(share > epsilon, share.sqrt(), 0.0);  // a share of rounding errors is none
}

at::Tensor normalized_correlation(const at::Tensor& prediction, const at::Tensor& repeats) {
  check_repeats(prediction, repeats);
  const at::Tensor ceiling = noise_ceiling(repeats);
  return at::where(ceiling > 0, correlation(prediction, wide(repeats).mean(0)) / ceiling, not_a_number);
}

namespace {

struct Inputs {
  const at::Tensor &prediction, &average, &repeats;
};
struct Metric {
  const char* name;
  const char* text;
  bool needs_repeats;
  at::Tensor (*compute)(const Inputs&);
};
constexpr Metric metrics[] = {
    {"correlation_to_average", "Pearson correlation over time of the prediction p and m, the average over repeats",
     false, [](const Inputs& in) { return correlation(in.prediction, in.average); }},
    {"single_trial_correlation",
     "mean over repeats of the Pearson correlation over time of p and the repeat's response", true,
     [](const Inputs& in) { return single_trial_correlation(in.prediction, in.repeats); }},
    {"mse_to_average", "mean_t (m - p)^2", false,
     [](const Inputs& in) { return mean_squared_error(in.prediction, in.average); }},
    {"poisson_loss_to_average", "mean_t (p - m ln(p + 1e-8))", false,
     [](const Inputs& in) { return poisson_loss(in.prediction, in.average); }},
    {"total_variance", "unbiased variance of the responses y over repeats and time", true,
     [](const Inputs& in) { return variances(in.repeats).total; }},
    {"noise_variance", "mean over time of the unbiased variance of y over repeats", true,
     [](const Inputs& in) { return variances(in.repeats).noise; }},
    {"explainable_variance", "total_variance - noise_variance, at least 1e-9", true,
     [](const Inputs& in) { return variances(in.repeats).explainable; }},
    {"explainable_variance_ratio", "explainable_variance / (total_variance + 1e-9)", true,
     [](const Inputs& in) { return variances(in.repeats).ratio; }},
    {"feve", "1 - max(mean_rt (y - p)^2 - noise_variance, 0) / explainable_variance, at least 0", true,
     [](const Inputs& in) { return feve(in.prediction, in.repeats); }},
    {"feve_unclipped", "1 - (mean_rt (y - p)^2 - noise_variance) / (total_variance - noise_variance)", true,
     [](const Inputs& in) { return feve_unclipped(in.prediction, in.repeats); }},
    {"jackknife_oracle", "Pearson correlation over repeats and time of y and the average over the other repeats", true,
     [](const Inputs& in) { return jackknife_oracle(in.repeats); }},
    {"noise_ceiling", "CCmax of Schoppe et al. 2016: sqrt(S / var_t m), S = (R var_t m - mean_r var_t y) / (R - 1)",
     true, [](const Inputs& in) { return noise_ceiling(in.repeats); }},
    {"normalized_correlation", "CCnorm of Schoppe et al. 2016: correlation to the average over repeats / noise_ceiling",
     true, [](const Inputs& in) { return normalized_correlation(in.prediction, in.repeats); }},
};

}  // namespace

std::vector<Definition> definitions() {
  std::vector<Definition> all;
  for (const Metric& metric : metrics) all.push_back({metric.name, metric.text});
  return all;
}

at::Tensor spread(const at::Tensor& predictions) {
  return predictions.to(at::kDouble).var(at::IntArrayRef({0}), /*unbiased=*/true).mean(0).sqrt();
}

std::vector<Named> score(const at::Tensor& prediction, const at::Tensor& average, const at::Tensor& repeats) {
  check_same(prediction, "prediction", average);
  const bool repeated = repeats.defined() && repeats.dim() == 3 && repeats.size(0) >= 2;
  const auto unknown = [&] { return at::full({prediction.size(1)}, not_a_number, at::kDouble); };
  std::vector<Named> scores;
  for (const Metric& metric : metrics) {
    scores.push_back(
        {metric.name, metric.needs_repeats && !repeated ? unknown() : metric.compute({prediction, average, repeats})});
  }
  return scores;
}

}  // namespace plexiform::evaluation
