// How well a prediction agrees with recorded responses, per neuron.
// Notation  R repeats of one stimulus, T time bins, N neurons. y(r,t,n) is a response to one
//           repeat, m(t,n) the average over repeats, p(t,n) the prediction. mean_t is over time,
//           var_t the unbiased variance (divided by T - 1), and so on.
// Shapes    prediction, average (T, N); repeats (R, T, N), R >= 2. Any floating dtype and device.
//           Every result is (N) float64 on the CPU; the arithmetic is float64.
// Errors    Error for shapes that do not agree: nothing is broadcast, cropped or aligned here.
// Source    the definitions are those of openretina.eval, unless another is named.
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/given.h>

#include <string>
#include <vector>

namespace plexiform::evaluation {

// mean_t z(a) z(b), z(x) = (x - mean_t x) / (s + 1e-8), s^2 = mean_t (x - mean_t x)^2: Pearson's
// correlation, but 0 where one of them is constant.
at::Tensor correlation(const at::Tensor& a, const at::Tensor& b);

// Mean over repeats of the correlation of p and y(r).
at::Tensor single_trial_correlation(const at::Tensor& prediction, const at::Tensor& repeats);

// mean_t (m - p)^2
at::Tensor mean_squared_error(const at::Tensor& prediction, const at::Tensor& average);

// mean_t (p - m ln(p + 1e-8)). NaN where a prediction is negative.
at::Tensor poisson_loss(const at::Tensor& prediction, const at::Tensor& average);

struct Variances {
  at::Tensor total;        // var_rt y
  at::Tensor noise;        // mean_t var_r y
  at::Tensor explainable;  // total - noise, at least 1e-9
  at::Tensor ratio;        // explainable / (total + 1e-9)
};
Variances variances(const at::Tensor& repeats);

// Fraction of the explainable variance that is explained:
//   1 - (mean_rt (y - p)^2 - noise) / (total - noise)
// Without bounds: above 1 by chance, far below 0 for a prediction worse than the mean rate.
// Source: Cadena et al. 2019, PLoS Comput. Biol. 15:e1006897, Methods.
at::Tensor feve_unclipped(const at::Tensor& prediction, const at::Tensor& repeats);

// The same within [0, 1]: the error beyond the noise counts as at least 0, and so does the result.
at::Tensor feve(const at::Tensor& prediction, const at::Tensor& repeats);

// Correlation, over all repeats and bins, of y(r,t) and the average over the other repeats.
at::Tensor jackknife_oracle(const at::Tensor& repeats);

// The correlation to the average of R repeats that the true rate itself would have:
//   CCmax = sqrt(S / var_t m),  S = (R var_t m - mean_r var_t y) / (R - 1)
// S estimates the variance of the true rate; where it is not positive the ceiling is 0.
// Source: S is the signal power of Sahani & Linden, NIPS 2002, "How linear are auditory cortical
//   responses?"; CCmax: Schoppe et al. 2016, Front. Comput. Neurosci. 10:10, after Hsu et al. 2004,
//   Network 15:91-109.
at::Tensor noise_ceiling(const at::Tensor& repeats);

// CCnorm of Schoppe et al. 2016: correlation(p, m) / CCmax. NaN where the ceiling is 0.
at::Tensor normalized_correlation(const at::Tensor& prediction, const at::Tensor& repeats);

struct Definition {
  std::string name;  // as in reports: "correlation_to_average"
  std::string text;  // the formula in one line
};
// Of everything that score() gives, in its order.
std::vector<Definition> definitions();

// sqrt(mean_t var_m p[m,t,n]): the standard deviation between the predictions (M, T, N) of M models, whose variance is
// averaged over time; in the units of the responses.
at::Tensor spread(const at::Tensor& predictions);

// All of it. With less than two repeats (or `repeats` undefined) what needs them is NaN.
std::vector<Named> score(const at::Tensor& prediction, const at::Tensor& average, const at::Tensor& repeats);

}  // namespace plexiform::evaluation
