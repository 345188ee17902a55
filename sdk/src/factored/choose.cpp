#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "../processor.h"
#include "factored.h"
#include "spectrum.h"

namespace plexiform::factored {

extern const Kernels<float> plain_float;
extern const Kernels<double> plain_double;

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
extern const Kernels<float> avx2_8, avx2_16, avx512_16;
#endif

template <>
Choice<float> all_kernels() {
  Choice<float> found;
  auto add = [&](const Kernels<float>& kernels) { found.list[found.count++] = &kernels; };
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if (has_avx512()) add(avx512_16);
  if (has_avx2()) add(avx2_16), add(avx2_8);
#endif
  add(plain_float);
  return found;
}

template <>
Choice<double> all_kernels() {
  return {.list = {&plain_double}, .count = 1};
}

template <class Real>
const Kernels<Real>& kernels(int64_t outputs) {
  static const Choice<Real> choice = all_kernels<Real>();
  auto lanes = [&](const Kernels<Real>& k) { return (outputs + k.lanes - 1) / k.lanes * k.lanes; };
  const Kernels<Real>* best = choice.list[0];
  // Half as wide where that leaves fewer lanes empty: 8 outputs in a block of two registers cost as much as 16, and in half a
  // wide one more than in all of a narrow one.
  for (int k = 1; k < choice.count; ++k) {
    const auto& other = *choice.list[k];
    const bool alike = std::strcmp(other.name, best->name) == 0;
    if (other.plain || lanes(other) * 4 > lanes(*best) * 3) continue;
    if (alike || outputs <= other.lanes) best = &other;
  }
  return *best;
}
template const Kernels<float>& kernels(int64_t);
template const Kernels<double>& kernels(int64_t);

namespace {

double number(int64_t n) { return static_cast<double>(n); }

// Taps of one axis that meet the input, summed over outputs.
double taps(int64_t in, int64_t kernel, int64_t before, int64_t out) {
  int64_t sum = 0;
  for (int64_t k = 0; k < out; ++k) {
    const int64_t first = before > k ? before - k : 0, last = before + in - k < kernel ? before + in - k : kernel;
    if (last > first) sum += last - first;
  }
  return number(sum);
}

}  // namespace

double multiplications(const Problem& p, Order order, Wanted wanted) {
  const double space = taps(p.height, p.rows, p.rows_before, p.out_height()) *
                       taps(p.width, p.columns, p.columns_before, p.out_width());  // of one frame
  const double time = taps(p.time, p.bins, p.time_before, p.out_time());           // of one pixel
  const double pixels = number(p.height * p.width), out_pixels = number(p.out_height() * p.out_width());
  const int kernels = wanted.kernels ? 1 : 0, input = wanted.input ? 1 : 0, backward = kernels + input > 0 ? 1 : 0;
  if (order == Order::space_first)
    return (1 + kernels) * number(p.time) * space + (1 + 2 * kernels) * out_pixels * time;
  return (1 + backward + kernels) * number(p.out_time()) * space + (1 + 2 * kernels + input) * pixels * time;
}

double dense_multiplications(const Problem& p, Wanted wanted) {
  return (1 + (wanted.kernels ? 1 : 0) + (wanted.input ? 1 : 0)) * number(p.bins * p.rows * p.columns) *
         number(p.out_time() * p.out_height() * p.out_width());
}

namespace {

// How often a pass of frequency.h transforms its input's size and its output's, multiplies, reads and makes factors.
struct Times {
  int inputs, outputs, products, factors, made;
};

double pass_in_frequency(const Problem& p, bool input_gradient, int lanes, const Times& times) {
  const Spectrum s = spectrum(p, input_gradient);
  if (s.times > Spectrum::longest) return std::numeric_limits<double>::infinity();
  const double pairs = std::ceil(number(p.batch * s.pieces) / 2), n = number(s.times * s.heights * s.widths);
  const double input_rows = number(s.in_frames * p.height * s.widths),
               input_columns = number(s.in_frames * s.heights * s.widths);
  const double output_rows = number(s.out_frames * p.out_height() * s.widths),
               output_columns = number(s.out_frames * s.heights * s.widths);
  const double inputs = number(p.inputs), outputs = number(p.outputs);
  const double in_memory = 2 * (input_rows * inputs + output_rows * outputs);  // numbers of a pair
  const double group = std::min(pairs, std::clamp(most_in_memory / in_memory, 2.0, 8.0));
  // Lanes of a pair: those of a few inputs are shared by the pairs of a group (Lanes of frequency.h).
  const double own_lanes = std::ceil(inputs / lanes) * lanes;
  const double input_lanes = input_gradient || inputs > lanes
                                 ? own_lanes
                                 : std::max(number(int64_t(std::bit_ceil(uint64_t(p.inputs)))), lanes / group);
  const double transformed = times.inputs * (input_rows + input_columns + n) * input_lanes +
                             times.outputs * (output_rows + output_columns + n) * outputs;
  const double products = 4 * n * times.products, factors = 4 * n * times.factors / group;
  // A complex number was measured to take as long as 30 multiplications on its way through one axis, and as 65 where it
  // comes from beyond the caches (8 MB; CPUs with AVX2 and AVX-512).
  const double each = in_memory * group > 2e6 ? 65 : 30;
  const double made = each * number((s.heights + p.rows) * s.widths) * times.made;
  return pairs * (products + factors + each * transformed / (inputs * outputs)) + made;
}

double cost_in_frequency(const Problem& p, Wanted wanted, int lanes) {
  const int kernels = wanted.kernels ? 1 : 0, input = wanted.input ? 1 : 0;
  const Spectrum s = spectrum(p, wanted.input);
  // Of each (o, i) the kernel's spectrum, that transposed, its gradient.
  const double spectra = 2 * number(s.heights * s.widths) * number(p.inputs * p.outputs) * (1 + input + kernels);
  if (p.batch < 1 || spectra > most_of_kernels) return std::numeric_limits<double>::infinity();
  double sum = pass_in_frequency(p, false, lanes, {1, 1, 1, 1, 1});
  if (kernels + input > 0)
    sum += pass_in_frequency(p, wanted.input, lanes,
                             {1 + input, 1, kernels + input, 2 * kernels + input, 1 + kernels + input});
  return sum / number(p.batch);
}

}  // namespace

double cost(const Problem& p, Order order, Wanted wanted, int register_lanes) {
  if (order == Order::in_frequency) return cost_in_frequency(p, wanted, register_lanes);
  // In multiplications, as was measured on CPUs with AVX2 and AVX-512: a number that one factor makes and the other one reads is
  // worth 12, one of a map on its way to memory and back 50.
  const double map = number(p.out_height() * p.out_width()) * number(p.time_before + p.time + p.time_after);
  const int kernels = wanted.kernels ? 1 : 0, backward = wanted.kernels || wanted.input ? 1 : 0;
  const double between = order == Order::time_first
                             ? (1 + backward + kernels) * number(p.height * p.width) * number(p.out_time())
                             : (1 + kernels) * map;
  return multiplications(p, order, wanted) + 12 * between +
         (order == Order::space_first && wanted.kernels ? 50 * map : 0);
}

Order cheaper_order(const Problem& p, Wanted wanted, int register_lanes) {
  Order best = Order::time_first;
  auto than_best = [&](Order order) {
    if (cost(p, order, wanted, register_lanes) < cost(p, best, wanted, register_lanes)) best = order;
  };
  if (!wanted.input) than_best(Order::space_first);
  than_best(Order::in_frequency);
  return best;
}

Order cheaper_order_of_frames(const Problem& p, int register_lanes) {
  const double pixels = number(p.out_height() * p.out_width()), maps = pixels * number(p.bins);
  const double inputs = number(p.inputs), outputs = number(p.outputs);
  Order best = Order::time_first;
  // A pixel that is made in time and read again, and, below, a complex number on its way to a spectrum or back, were measured to
  // take as long as 18 and as 60 multiplications (CPUs with AVX2 and AVX-512).
  double least = multiplications(p, Order::time_first, {}) + 18 * number(p.height * p.width);
  auto consider = [&](Order order, double multiplications) {
    if (multiplications < least) best = order, least = multiplications;
  };
  // Maps only where their ring stays in the second cache: from further away it takes longer than the multiplications that it
  // saves. From there a number of it is worth two of them (measured on a CPU with AVX2).
  constexpr double second_cache = 1 << 18;  // bytes, of which other layers need some too
  if (maps * inputs * outputs * sizeof(float) <= second_cache)
    consider(Order::space_first, pixels * number(p.rows * p.columns) + 2 * maps);
  // Spectra only where those of the kernels are not much larger than a cache: a stream has them for each sample.
  constexpr double most_of_kernels_of_frames = 1 << 26;  // bytes
  // A frequency: two real sums over bins and a complex product for each pair; and its part of the transforms.
  const double n = number(spectrum(p, false).of_real_frame()), lanes = register_lanes;
  const double blocks = std::ceil(outputs / lanes), transforms = std::ceil(inputs / lanes) + blocks;
  if (2 * n * inputs * outputs * sizeof(float) <= most_of_kernels_of_frames)
    consider(Order::in_frequency, n * (2 * number(p.bins) + 4 + 60 * transforms / (blocks * inputs)));
  return best;
}

}  // namespace plexiform::factored
